import * as check from "../../model/option-check.ts";

/** What identifies an application to AWS. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Where a service is and who asks; the SDK finds out what is not said. */
export interface AwsAccess {
  readonly region: string | undefined;
  readonly endpoint: string | undefined;
  readonly credentials: AwsCredentials | undefined;
}

export const identity: check.OptionCheck = (value, field) => {
  const { accessKeyId, secretAccessKey } = (value ?? {}) as Partial<AwsCredentials>;
  check.text(accessKeyId, `${field}.accessKeyId`);
  check.text(secretAccessKey, `${field}.secretAccessKey`);
};

/** As clients of the SDK take it. */
export function toClientSettings({ region, endpoint, credentials }: AwsAccess) {
  return {
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    // A copy: the SDK writes into it.
    ...(credentials !== undefined && { credentials: { ...credentials } }),
  };
}
