import { audiences, Introspect as IntrospectSchema, Revoke as RevokeSchema, Token } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { Grant } from './grants.ts'
import type { Introspect } from './introspect.ts'
import type { Revoke } from './revoke.ts'

interface Deps {
  grant: Grant
  revoke: Revoke
  introspect: Introspect
}

/** Credentials of a request's client that are not in the body. */
const credentialsOf = ({ headers, ip }: { headers: { authorization?: string | undefined }; ip: string }) => ({
  authorization: headers.authorization,
  address: ip,
})

export const tokenRoutes = (app: Server, { grant, revoke, introspect }: Deps): void => {
  const claimsOf = async (token: string) =>
    (await app.verifyToken(audiences.api, token)) ?? (await app.verifyToken(audiences.grant, token))

  app.post('/oauth/v2/token', { schema: Token, config: { public: true } }, (request) =>
    grant({ body: request.body, ...credentialsOf(request) }),
  )

  app.post('/oauth/v2/revoke', { schema: RevokeSchema, config: { public: true } }, async (request) => {
    const { body } = request
    await revoke({ body, ...credentialsOf(request), claims: () => claimsOf(body.token) })
    return {}
  })

  app.post('/oauth/v2/introspect', { schema: IntrospectSchema, config: { public: true } }, async (request) => {
    const { body } = request
    return introspect({ body, ...credentialsOf(request), claims: () => claimsOf(body.token) })
  })
}
