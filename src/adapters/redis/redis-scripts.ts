import { claimLua } from "./redis-claim-lua.ts";
import { insertLua } from "./redis-insert-lua.ts";
import { commonLua, serverTimeLua, writingLua } from "./redis-lua.ts";
import { cancelLua, eventsLua, readEventsLua, readSignalsLua, signalsLua } from "./redis-message-lua.ts";
import { countsLua, getLua, groupsLua, listLua, overdueLua, removeLua } from "./redis-read-lua.ts";
import { type RedisScript, redisScript } from "./redis-script.ts";
import { renewLua, saveLua, settleLua, slotsLua, sweepLua } from "./redis-settle-lua.ts";

export type RedisScripts = Readonly<Record<keyof typeof bodies, RedisScript>>;

const reads = {
  get: getLua,
  list: listLua,
  counts: countsLua,
  groups: groupsLua,
  readSignals: readSignalsLua,
  readEvents: readEventsLua,
};

const bodies = {
  ...reads,
  overdue: overdueLua,
  insert: insertLua,
  claim: `${claimLua}\nreturn claim()`,
  settle: `${settleLua}\nlocal reports = settleAll(arg(), tonumber(arg()))\ntell()\nreturn reports`,
  /** The settlements first: what they free may be claimed again. */
  settleAndClaim: `${settleLua}\nlocal reports = settleAll(arg(), tonumber(arg()))\ntell()\n${claimLua}\nreturn { reports, claim() }`,
  renew: renewLua,
  slots: slotsLua,
  save: saveLua,
  sweep: sweepLua,
  cancel: cancelLua,
  signals: signalsLua,
  events: eventsLua,
  remove: removeLua,
};

/** All scripts of a store; `timeLua` is the text that says what time it is. */
export function redisScripts(timeLua = serverTimeLua): RedisScripts {
  const entries = Object.entries(bodies).map(([name, body]) => {
    const parts = Object.hasOwn(reads, name) ? [commonLua, body] : [commonLua, timeLua, writingLua, body];
    return [name, redisScript(...parts)];
  });
  return Object.fromEntries(entries) as RedisScripts;
}
