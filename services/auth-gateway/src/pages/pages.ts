import { ReportCompromise } from '@rekey/contracts'
import type { Feature } from '@rekey/platform/feature'
import { callRpc } from '@rekey/platform/rpc'
import type { Clients } from '../clients/clients.ts'
import type { Infrastructure } from '../infrastructure.ts'
import type { Limits } from '../limits/limits.ts'
import type { TwoFactor } from '../two-factor/two-factor.ts'
import { createHostedRestore } from './hosted-restore.service.ts'
import { createSetNewPassword } from './new-password.ts'
import { pageRoutes } from './pages.routes.ts'

interface Settings {
  REKEY_BRAND: string
  REKEY_PASSWORD_SERVICE_URL: string
}

interface Deps {
  limits: Limits
  clients: Clients
  twoFactor: TwoFactor
}

/** The hosted restore and the compromise report: pages for customers. */
export const createPages = ({ broker }: Infrastructure, config: Settings, deps: Deps): Feature => {
  const { limits, clients, twoFactor } = deps
  const clientId = clients.defaultClientId
  const setNewPassword = createSetNewPassword({ upstream: config.REKEY_PASSWORD_SERVICE_URL })
  const hostedRestore =
    clientId === undefined
      ? undefined
      : createHostedRestore({ twoFactor, clientId, spendPassword: limits.spendPassword, setNewPassword })
  return {
    routes: (app) =>
      pageRoutes(app, {
        brand: config.REKEY_BRAND,
        report: (report) => callRpc(broker, ReportCompromise, report),
        spendToken: limits.spendToken,
        hostedRestore,
      }),
  }
}
