/** The OAuth parameters of the request that opens a challenge. */
export interface Request {
  clientId: string
  redirectUri: string
  scope: string
  /** If the scope is narrower. */
  requestedScope?: string
  state: string
  codeChallenge: string | undefined
}

/** A signed-in customer, and the session. */
export interface SignedIn {
  customer: string
  sessionId: string
  /** Undefined if another issuer signed the customer in. */
  sessionEpoch: number | undefined
}

/** A customer whose password was verified. */
export interface VerifiedCustomer {
  customer: string
  /** Account key of the username that the password was verified for. */
  usernameAccount: string
  sessionEpoch: number
  devices: string[]
}

/** A record with the request's fields only. */
export const recordOf = ({ codeChallenge = '', requestedScope = '', ...request }: Request) => ({
  ...request,
  codeChallenge,
  requestedScope,
  devices: [],
  device: '',
  account: '',
  sealedUsername: '',
  usernameAccount: '',
  customer: '',
  sessionId: '',
  sessionEpoch: '',
  verificationCode: '',
})

/** The customer's first e-mail address, which the gateway does not know. */
export const firstEmail = 'oob:email'

/** A change that a signed-in customer proves, and the ways to prove it, the first by default. */
export interface ChangeKind {
  flow: 'brokerChange' | 'brokerFactors'
  challengeTypes: string[]
}
export const passwordChange: ChangeKind = { flow: 'brokerChange', challengeTypes: [firstEmail] }
