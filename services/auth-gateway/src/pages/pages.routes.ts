import { RekeyError } from '@rekey/contracts'
import type { Server } from '@rekey/platform/server'
import type { Layout } from '../layout/layout.ts'
import { compromiseReportRoutes, type ReportCompromiseRpc } from './compromise-report.routes.ts'
import { type HostedRestoreDeps, hostedRestoreRoutes } from './hosted-restore.routes.ts'
import { restoreVetoRoutes, type VetoRpc } from './restore-veto.routes.ts'

interface Options {
  layout: Layout
  report: ReportCompromiseRpc
  veto: VetoRpc
  /** Spends the quota of one submitted token. @throws RekeyError too_many_requests, unavailable */
  spendToken(address: string): Promise<unknown>
  /** Undefined: no client is configured for hosted restores, so the pages are not served. */
  hostedRestore: Omit<HostedRestoreDeps, 'render'> | undefined
}

/** Paths of the forms before each step had an address of its own. An instance of that version may still serve one. */
const formerPaths = ['begin', 'resend', 'answer', 'finish']

/** Pages for a browser. */
export const pageRoutes = async (
  app: Server,
  { layout, report, veto, spendToken, hostedRestore }: Options,
): Promise<void> => {
  const { render, pageScope } = layout
  await pageScope(app, (scope) => {
    compromiseReportRoutes(scope, { report, spendToken, render })
    restoreVetoRoutes(scope, { veto, spendToken, render })
    if (!hostedRestore) return
    hostedRestoreRoutes(scope, { ...hostedRestore, render })
    for (const path of formerPaths) {
      scope.route({
        method: ['GET', 'POST'],
        url: `/restore/${path}`,
        config: { public: true, crossSite: 'navigation', isStateless: true },
        handler: async (_request, reply) => reply.redirect('/restore', 303),
      })
    }
    scope.get('/restore/*', { config: { public: true, crossSite: 'navigation' } }, async () => {
      throw new RekeyError('not_found')
    })
  })
}
