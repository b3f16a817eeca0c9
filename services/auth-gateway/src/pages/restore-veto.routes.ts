import {
  CompactToken,
  errors,
  RekeyError,
  type WaitingRestoreVetoReply,
  type WaitingRestoreVetoRequest,
} from '@rekey/contracts'
import { noteError } from '@rekey/platform/errors'
import type { Server } from '@rekey/platform/server'
import { Type } from '@sinclair/typebox'
import type { Page, View } from '../layout/view.ts'
import { vetoPage, vetoResultPage, vetoRetryPage } from './restore-veto.template.ts'

/** @throws RekeyError unavailable */
export type VetoRpc = (veto: WaitingRestoreVetoRequest) => Promise<WaitingRestoreVetoReply>

interface Deps {
  veto: VetoRpc
  /** Spends the quota of one submitted token. @throws RekeyError too_many_requests, unavailable */
  spendToken(address: string): Promise<unknown>
  render(view: View, page: Page): string
}

const token = Type.Object({ token: CompactToken })
const handle = Type.Object({ handle: CompactToken })

const statuses = { vetoed: 200, completed: 200, over: 200, invalid: 400 } as const

/**
 * The link of a notification of a waiting restore. As "it was not me", it only opens a page: mail scanners follow links.
 * It needs no cookie, because its token is the proof.
 */
export const restoreVetoRoutes = (app: Server, { veto, spendToken, render }: Deps): void => {
  const config = { public: true, isStateless: true }
  const link = { ...config, crossSite: 'navigation' as const }
  app.get('/v/:handle', { schema: { params: handle }, config: link }, async (request, reply) =>
    reply.redirect(`/restore-veto?${new URLSearchParams({ token: request.params.handle })}`, 303),
  )

  app.get('/restore-veto', { schema: { querystring: token }, config: link }, async ({ view, query }) =>
    render(view, vetoPage(view, query.token)),
  )

  app.post('/restore-veto', { schema: { body: token }, config }, async (request, reply) => {
    const { view, body, ip } = request
    try {
      // A veto is taken without Redis too: it stops somebody who may have a mailbox of the customer.
      await spendToken(ip).catch((error) => {
        if (!(error instanceof RekeyError) || error.code !== 'unavailable') throw error
      })
      const { result } = await veto({ token: body.token, ip })
      return reply.code(statuses[result]).send(render(view, vetoResultPage(view, result)))
    } catch (error) {
      if (!(error instanceof RekeyError) || error.code !== 'unavailable') throw error
      noteError(error, reply)
      reply.code(errors.unavailable.status).header('retry-after', error.retryAfterSeconds ?? 2)
      return reply.send(render(view, vetoRetryPage(view, body.token)))
    }
  })
}
