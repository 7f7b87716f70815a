export { createFleetInspector, type FleetInspector, type FleetInspectorOptions } from "./fleet-inspector.ts";
export type { InspectionMessage } from "./inspection-message.ts";
