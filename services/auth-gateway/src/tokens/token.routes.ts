import { audiences, Introspect, Revoke, Token } from '@rekey/contracts'
import type { Request, Server } from '@rekey/platform/server'
import type { Grants } from './grants.ts'
import type { PresentedTokens } from './presented-tokens.ts'

export const tokenRoutes = (app: Server, grant: Grants, presentedTokens: PresentedTokens): void => {
  const claimsOf = async (request: Request, token: string) =>
    (await app.verifyToken(request, audiences.api, token)) ?? (await app.verifyToken(request, audiences.grant, token))

  app.post('/oauth/v2/token', { schema: Token, config: { public: true } }, (request) =>
    grant({ body: request.body, authorization: request.headers.authorization, caller: { address: request.ip } }),
  )

  app.post('/oauth/v2/revoke', { schema: Revoke, config: { public: true } }, async (request) => {
    const { body, headers } = request
    const claims = await claimsOf(request, body.token)
    await presentedTokens.revoke({ body, authorization: headers.authorization, claims })
    return {}
  })

  app.post('/oauth/v2/introspect', { schema: Introspect, config: { public: true } }, async (request) => {
    const { body, headers } = request
    const claims = await claimsOf(request, body.token)
    return presentedTokens.introspect({ body, authorization: headers.authorization, claims })
  })
}
