import { Login, SendChallenge } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { Logins } from './login.service.ts'

export const loginRoutes = (app: Server, logins: Logins): void => {
  app.post('/oauth/v2/login', { schema: Login, config: { public: true } }, (request) =>
    logins.signIn(request.body, { address: request.ip }, request.headers.authorization),
  )

  app.post('/oauth/v2/challenge', { schema: SendChallenge, config: { public: true } }, (request) =>
    logins.send(request.body, { address: request.ip }, request.headers.authorization),
  )
}
