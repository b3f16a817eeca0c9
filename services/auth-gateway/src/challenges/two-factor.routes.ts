import { AnswerChallenge, formatTime, OpenChallenge, OpenUnauthorizedChallenge, scopes } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { Tokens } from '../tokens/tokens.ts'
import type { OpenChallenge as Challenge } from './challenges.service.ts'
import type { TwoFactor } from './two-factor.service.ts'

export const twoFactorRoutes = (app: Server, { twoFactor, tokens }: { twoFactor: TwoFactor; tokens: Tokens }): void => {
  const answer = (challenge: Challenge, provider: string) => ({
    token: tokens.mfa(challenge),
    provider,
    expiresAt: formatTime(challenge.expiresAt),
  })

  app.get(
    '/api/v2/my/2fa/challenge',
    { schema: OpenChallenge, config: { scopes: [scopes.full, scopes.change] } },
    async (request) => {
      const { sub, client_id: clientId } = request.bearer
      return answer(await twoFactor.openChange(sub, clientId, { address: request.ip }), 'email')
    },
  )

  app.get(
    '/api/v2/my/2fa/unauthorized/challenge',
    { schema: OpenUnauthorizedChallenge, config: { public: true } },
    async (request) => {
      const challenge = await twoFactor.openRestore(request.query, { address: request.ip })
      return answer(challenge, request.query.phone === undefined ? 'email' : 'sms')
    },
  )

  app.post('/api/v2/my/2fa/challenge', { schema: AnswerChallenge, config: { public: true } }, async (request) => {
    const { token, expiresAt } = await twoFactor.answer(request.body, { address: request.ip })
    return { successToken: token, expiresAt: formatTime(expiresAt) }
  })
}
