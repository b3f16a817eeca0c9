import type { Feature } from '../feature.ts'
import type { Infrastructure } from '../infrastructure.ts'
import { endOtherSessions } from './end-other-sessions.ts'
import { mySessionRoutes } from './my-sessions.routes.ts'

/** The end of a signed-in customer's other sessions (B12). */
export const createMySessions = (infra: Infrastructure): Feature => ({
  routes: (app) => mySessionRoutes(app, (bearer, ip) => endOtherSessions(infra, bearer, ip)),
})
