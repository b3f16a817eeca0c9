import { audiences, Introspect, Revoke, Token } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { Grants } from './grants.ts'
import type { PresentedTokens } from './presented-tokens.ts'

/** What a request says of its client beside the body. */
const proofOf = ({ headers, ip }: { headers: { authorization?: string | undefined }; ip: string }) => ({
  authorization: headers.authorization,
  address: ip,
})

export const tokenRoutes = (app: Server, grant: Grants, presentedTokens: PresentedTokens): void => {
  const claimsOf = async (token: string) =>
    (await app.verifyToken(audiences.api, token)) ?? (await app.verifyToken(audiences.grant, token))

  app.post('/oauth/v2/token', { schema: Token, config: { public: true } }, (request) =>
    grant({ body: request.body, ...proofOf(request) }),
  )

  app.post('/oauth/v2/revoke', { schema: Revoke, config: { public: true } }, async (request) => {
    const { body } = request
    const claims = await claimsOf(body.token)
    await presentedTokens.revoke({ body, ...proofOf(request), claims })
    return {}
  })

  app.post('/oauth/v2/introspect', { schema: Introspect, config: { public: true } }, async (request) => {
    const { body } = request
    const claims = await claimsOf(body.token)
    return presentedTokens.introspect({ body, ...proofOf(request), claims })
  })
}
