import { Login, SendChallenge } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import { codeSent } from '../challenges/code-sent.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { Logins } from './login.service.ts'

export const loginRoutes = (app: Server, { logins, tokens }: { logins: Logins; tokens: Tokens }): void => {
  app.post('/oauth/v2/login', { schema: Login, config: { public: true } }, async (request) => {
    const { challenge, devices } = await logins.signIn(request.body, { address: request.ip })
    return {
      error: 'mfa_required' as const,
      error_description: 'Please choose a device and confirm the challenge with the code sent to it',
      challenge_type: devices,
      binding_method: 'prompt' as const,
      mfa_token: tokens.mfa(challenge),
      state: challenge.state,
    }
  })

  app.post('/oauth/v2/challenge', { schema: SendChallenge, config: { public: true } }, async (request) =>
    codeSent(tokens, await logins.send(request.body, { address: request.ip })),
  )
}
