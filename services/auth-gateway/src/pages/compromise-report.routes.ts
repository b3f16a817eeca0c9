import {
  CompactToken,
  errors,
  RekeyError,
  type ReportCompromiseReply,
  type ReportCompromiseRequest,
} from '@rekey/contracts'
import { noteError } from '@rekey/platform/errors'
import type { Server } from '@rekey/platform/server'
import { Type } from '@sinclair/typebox'
import type { Page, View } from '../layout/view.ts'
import { confirmPage, resultPage, tryAgainPage } from './compromise-report.template.ts'

/** @throws RekeyError unavailable */
export type ReportCompromiseRpc = (report: ReportCompromiseRequest) => Promise<ReportCompromiseReply>

interface Deps {
  report: ReportCompromiseRpc
  /** Spends the quota of one submitted token. @throws RekeyError too_many_requests, unavailable */
  spendToken(address: string): Promise<unknown>
  render(view: View, page: Page): string
}

const token = Type.Object({ token: CompactToken })
const handle = Type.Object({ handle: CompactToken })

const statuses = { reported: 200, used: 200, expired: 400, invalid: 400 } as const

/**
 * "It was not me": the link of a notification. The link only opens a page: mail scanners and previews follow links, and
 * must not block a customer. It needs no cookie: its token is the proof, and a customer in danger must not fail for a
 * browser's settings.
 */
export const compromiseReportRoutes = (app: Server, { report, spendToken, render }: Deps): void => {
  const config = { public: true, isStateless: true }
  // The short link of a message leads to the page.
  app.get(
    '/n/:handle',
    { schema: { params: handle }, config: { ...config, crossSite: 'navigation' } },
    async (request, reply) => reply.redirect(`/not-me?${new URLSearchParams({ token: request.params.handle })}`, 303),
  )

  app.get(
    '/not-me',
    { schema: { querystring: token }, config: { ...config, crossSite: 'navigation' } },
    async ({ view, query }) => render(view, confirmPage(view, query.token)),
  )

  app.post('/not-me', { schema: { body: token }, config }, async (request, reply) => {
    const { view, body, ip } = request
    try {
      // A report is taken without Redis too: it stops somebody who may be signed in.
      await spendToken(ip).catch((error) => {
        if (!(error instanceof RekeyError) || error.code !== 'unavailable') throw error
      })
      const { result } = await report({ token: body.token, ip })
      return reply.code(statuses[result]).send(render(view, resultPage(view, result)))
    } catch (error) {
      if (!(error instanceof RekeyError) || error.code !== 'unavailable') throw error
      noteError(error, reply)
      reply.code(errors.unavailable.status).header('retry-after', error.retryAfterSeconds ?? 2)
      return reply.send(render(view, tryAgainPage(view, body.token)))
    }
  })
}
