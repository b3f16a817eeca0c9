import { Token } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { Grants } from './grants.ts'

export const tokenRoutes = (app: Server, grant: Grants): void => {
  app.post('/oauth/v2/token', { schema: Token, config: { public: true } }, (request) =>
    grant({ body: request.body, authorization: request.headers.authorization, caller: { address: request.ip } }),
  )
}
