import { describe, expect, it } from "vitest";
import { and, fromPromise, not, setup } from "xstate";
import { machineToMermaid } from "../support/machine-to-mermaid.ts";

const orderMachine = setup({
  types: { events: {} as { type: "order.pay" } | { type: "order.note" } | { type: "order.cancel" } },
  actors: { charge: fromPromise<string>(async () => "receipt") },
  actions: { remember: () => {}, notify: () => {} },
  guards: { inStock: () => true, isFraud: () => false },
  delays: { patience: 5_000 },
}).createMachine({
  id: "order",
  initial: "open",
  states: {
    open: {
      tags: "waiting",
      after: { patience: "cancelled", 1000: { actions: "remember" } },
      on: {
        "order.pay": { guard: and(["inStock", not("isFraud")]), target: "paying.charging" },
        "order.note": { actions: "remember" },
        "order.cancel": { guard: () => true, target: "cancelled" },
      },
    },
    paying: {
      initial: "charging",
      entry: "notify",
      on: { "order.note": { actions: "remember" } },
      states: {
        charging: { invoke: { src: "charge", onDone: "charged", onError: "#order.open" } },
        charged: { type: "final" },
      },
      onDone: "packing",
    },
    packing: {
      type: "parallel",
      states: {
        box: { initial: "empty", states: { empty: { always: "full" }, full: { type: "final" } } },
        label: {},
      },
    },
    cancelled: { type: "final" },
  },
});

describe("machineToMermaid", () => {
  it("draws nested, initial and final states, guards, delays, invokes, tags and actions", () => {
    expect(machineToMermaid(orderMachine).split("\n")).toEqual([
      "stateDiagram-v2",
      "  [*] --> open",
      "  state open",
      "  note right of open",
      "    tag waiting",
      "  end note",
      '  state "paying, on entry notify, on order.note" as paying {',
      "    [*] --> paying_charging",
      '    state "charging" as paying_charging',
      "    note right of paying_charging",
      "      invokes charge",
      "    end note",
      '    state "charged" as paying_charged',
      "    paying_charging --> paying_charged : charge done",
      "    paying_charged --> [*]",
      "  }",
      '  state "packing, parallel" as packing {',
      '    state "box" as packing_box {',
      "      [*] --> packing_box_empty",
      '      state "empty" as packing_box_empty',
      '      state "full" as packing_box_full',
      "      packing_box_empty --> packing_box_full : always",
      "      packing_box_full --> [*]",
      "    }",
      '    state "label" as packing_label',
      "  }",
      "  state cancelled",
      "  open --> open : order.note",
      "  open --> cancelled : order.cancel [inline]",
      "  open --> open : after 1000 ms",
      "  open --> cancelled : after patience",
      "  paying --> packing : all done",
      "  cancelled --> [*]",
      "  paying_charging --> open : charge error",
      "  open --> paying_charging : order.pay [inStock and not isFraud]",
    ]);
  });
});
