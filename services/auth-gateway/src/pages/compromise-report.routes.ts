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
import type { Page } from './layout.ts'
import { askPage, resultPage, tryAgainPage } from './compromise-report.template.ts'

/** @throws RekeyError unavailable */
export type AskReport = (report: ReportCompromiseRequest) => Promise<ReportCompromiseReply>

interface Deps {
  brand: string
  report: AskReport
  show(page: Page): string
}

const token = Type.Object({ token: CompactToken })

const statuses = { reported: 200, used: 200, expired: 400, invalid: 400 } as const

/**
 * "It was not me", from the link of a notice. The link only opens a page: mail scanners and previews follow links, and
 * none of them may block a customer.
 */
export const notMeRoutes = (app: Server, { brand, report, show }: Deps): void => {
  app.get('/not-me', { schema: { querystring: token }, config: { public: true } }, async (request) =>
    show(askPage(brand, request.query.token)),
  )

  app.post('/not-me', { schema: { body: token }, config: { public: true } }, async (request, reply) => {
    try {
      const { result } = await report({ token: request.body.token, ip: request.ip })
      return reply.code(statuses[result]).send(show(resultPage(brand, result)))
    } catch (error) {
      if (!(error instanceof RekeyError) || error.code !== 'unavailable') throw error
      noteError(error, reply)
      reply.code(errors.unavailable.status).header('retry-after', error.retryAfterSeconds ?? 2)
      return reply.send(show(tryAgainPage(brand, request.body.token)))
    }
  })
}
