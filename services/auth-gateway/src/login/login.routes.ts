import { Login, SendChallenge } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { LoginService } from './login.service.ts'

export const loginRoutes = (app: Server, logins: LoginService): void => {
  app.post('/oauth/v2/login', { schema: Login, config: { public: true } }, (request) =>
    logins.signIn(request.body, { address: request.ip }, request.headers.authorization),
  )

  app.post('/oauth/v2/challenge', { schema: SendChallenge, config: { public: true } }, (request) =>
    logins.send(request.body, { address: request.ip }, request.headers.authorization),
  )
}
