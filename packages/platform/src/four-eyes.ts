import { Flag } from './config.ts'

/** Both services read it: the password-service asks for approvals, the gateway for the owners of clients. */
export const fourEyes = {
  REKEY_BACK_OFFICE_FOUR_EYES: Flag({
    default: false,
    description:
      "true: another owner must approve what the back office does to customers' passwords, holds and blocks. " +
      'Production then requires the owner of each client with REST:FULL.',
  }),
}
