import { Token } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import { readBasicCredentials } from './basic-credentials.ts'
import type { Grants } from './grants.ts'

export const tokenRoutes = (app: Server, { grant }: { grant: Grants }): void => {
  app.post('/oauth/v2/token', { schema: Token, config: { public: true } }, (request) =>
    grant({
      body: request.body,
      basic: readBasicCredentials(request.headers.authorization),
      caller: { address: request.ip },
    }),
  )
}
