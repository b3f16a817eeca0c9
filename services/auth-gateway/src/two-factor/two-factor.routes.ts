import { AnswerChallenge, OpenChallenge, OpenUnauthorizedChallenge, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { TwoFactorService } from './two-factor.service.ts'

/** The published contract sends codes by GET. HEAD must not have that effect, so it is refused. */
export const twoFactorRoutes = (app: Server, twoFactor: TwoFactorService): void => {
  app.get(
    '/api/v2/my/2fa/challenge',
    { schema: OpenChallenge, exposeHeadRoute: false, config: { scopes: [scopes.full, scopes.change] } },
    ({ bearer, ip: address, query }) =>
      query.businessProcess === 'changeFactors'
        ? twoFactor.openFactorsChange(bearer, { address })
        : twoFactor.openChange(bearer, { address }),
  )

  app.get(
    '/api/v2/my/2fa/unauthorized/challenge',
    { schema: OpenUnauthorizedChallenge, exposeHeadRoute: false, config: { public: true } },
    (request) => twoFactor.openRestore(request.query, { address: request.ip }, request.headers.authorization),
  )

  app.post('/api/v2/my/2fa/challenge', { schema: AnswerChallenge, config: { public: true } }, (request) =>
    twoFactor.answer(request.body, { address: request.ip }),
  )
}
