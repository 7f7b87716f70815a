import { describeWith } from "./describe-with.ts";
import { missingRabbitmq } from "./rabbitmq-server.ts";

const missing = missingRabbitmq();

/** A suite that starts a RabbitMQ. */
export function describeWithRabbitmq(name: string, suite: () => void): void {
  describeWith(missing, name, suite);
}
