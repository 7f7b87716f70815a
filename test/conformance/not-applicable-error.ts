/** What the case asks for does not exist in this world. */
export class NotApplicableError extends Error {}
