import { PasswordRestore, PasswordRestoreVerification } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import { codeSent } from '../challenges/code-sent.ts'
import type { Tokens } from '../tokens/tokens.ts'
import type { Restores } from './restore.service.ts'

export const restoreRoutes = (app: Server, { restores, tokens }: { restores: Restores; tokens: Tokens }): void => {
  app.post('/oauth/v2/passwordRestore', { schema: PasswordRestore, config: { public: true } }, async (request) => {
    const caller = { address: request.ip, claimedIp: request.body.ip }
    return codeSent(tokens, await restores.request(request.body, caller))
  })

  app.post(
    '/oauth/v2/passwordRestoreVerification',
    { schema: PasswordRestoreVerification, config: { public: true } },
    (request) => restores.verify(request.body, { address: request.ip }),
  )
}
