export type { AuthorizationFlow, BegunAuthorization } from './authorization.ts'
export { type CallRequest, type ClientOptions, createClient, type RekeyClient } from './client.ts'
export type * from './contract.ts'
export { type FieldError, RekeyError, type RekeyErrorCode } from './error.ts'
export type { CallOptions, HttpOptions } from './http.ts'
export type { BeginRestore, BegunRestore, OAuthClient, RestoreFlow, RestoreGrant } from './restore.ts'
export {
  type ChosenProof,
  type NeededProof,
  type SecondProofFlow,
  type SecondProofType,
  secondProofOf,
} from './second-proof.ts'
