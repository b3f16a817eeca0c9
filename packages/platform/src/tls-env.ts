import { type Static, Type } from '@sinclair/typebox'

const file = (description: string) => Type.Optional(Type.String({ description }))

/** The listener of each service. */
export const listenerEnv = {
  REKEY_TLS_CERT: file(
    'PEM file of the certificate of PORT, with its intermediates: the service then listens with TLS alone. Not set: without ' +
      'TLS. Read again when it changes.',
  ),
  REKEY_TLS_KEY: file('PEM file of its private key, without a passphrase.'),
}

/** The listener of a service that the gateway alone calls. */
export const clientAuthorityEnv = {
  REKEY_TLS_CLIENT_CA: file(
    "PEM file of the authority that signs the gateways' client certificates, and nothing else: only they may call the API. " +
      'Needs REKEY_TLS_CERT. Read again when it changes.',
  ),
}

/** A service that calls another. */
export const authorityEnv = {
  REKEY_TLS_CA: file(
    "PEM file of the authority that signed the other service's certificate; no other authority is then trusted for it. " +
      "Not set: Node's authorities, and those of NODE_EXTRA_CA_CERTS. Read again when it changes.",
  ),
}

/** A service that calls another, which demands a client certificate. */
export const clientCertificateEnv = {
  REKEY_TLS_CLIENT_CERT: file(
    'PEM file of the client certificate for the password-service, with its intermediates. Read again when it changes.',
  ),
  REKEY_TLS_CLIENT_KEY: file('PEM file of its private key, without a passphrase.'),
}

const files = Type.Object({ ...listenerEnv, ...clientAuthorityEnv, ...authorityEnv, ...clientCertificateEnv })

/** The variables of TLS that a service may have, its own host, and the URL of the other service. */
export type TlsSettings = Static<typeof files> & {
  HOST?: string
  REKEY_PASSWORD_SERVICE_URL?: string
  REKEY_JWKS_URL?: string
}
