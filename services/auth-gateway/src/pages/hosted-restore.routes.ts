import { CompactToken, errors, Username } from '@rekey/contracts'
import { noteError, waitHeaders } from '@rekey/platform/errors'
import type { Server } from '@rekey/platform/server'
import { Type } from '@sinclair/typebox'
import type { HostedRestore, StepResult } from './hosted-restore.service.ts'
import { stepPage } from './hosted-restore.template.ts'
import type { Page } from './layout.ts'

interface Deps {
  brand: string
  hostedRestore: HostedRestore
  render(page: Page): string
}

/** The part of a reply that is used here. */
type Reply = Parameters<typeof noteError>[1] & {
  code(status: number): { headers(values: ReturnType<typeof waitHeaders>): unknown }
}

/** Free text: the step validates the customer's input, and says what is wrong. The schemas refuse changed hidden fields. */
const input = Type.String({ maxLength: 4096 })
const codeStep = {
  token: CompactToken,
  username: Username,
  verification: Type.String({ pattern: '^\\d{4}$' }),
}

const steps = {
  begin: { body: Type.Object({ username: input }) },
  resend: { body: Type.Object(codeStep) },
  answer: { body: Type.Object({ ...codeStep, code: input }) },
  finish: {
    body: Type.Object({ token: CompactToken, username: Username, password: Type.String(), repeated: Type.String() }),
  },
}

/** The hosted restore, one page a step. */
export const hostedRestoreRoutes = (app: Server, { brand, hostedRestore, render }: Deps): void => {
  const config = { public: true }
  const page = { public: true, crossSite: 'navigation' as const }
  const answer = (reply: Reply, { step, error }: StepResult) => {
    if (error) reply.code(errors[noteError(error, reply).code].status).headers(waitHeaders(error))
    return render(stepPage(brand, step))
  }

  app.get('/restore', { config: page }, async () => render(stepPage(brand, { name: 'start', username: '' })))

  // A phone browser that reloads the page later requests the form's path by GET.
  for (const step of ['begin', 'resend', 'answer', 'finish']) {
    app.get(`/restore/${step}`, { config: page }, async (_request, reply) => reply.redirect('/restore', 303))
  }

  app.post('/restore/begin', { schema: steps.begin, config }, async ({ body, ip }, reply) =>
    answer(reply, await hostedRestore.begin(body.username, { address: ip })),
  )

  app.post('/restore/resend', { schema: steps.resend, config }, async ({ body, ip }, reply) => {
    const { token, username, verification: verificationCode } = body
    return answer(reply, await hostedRestore.resend({ token, username, verificationCode }, { address: ip }))
  })

  app.post('/restore/answer', { schema: steps.answer, config }, async ({ body, ip }, reply) => {
    const { token, username, verification: verificationCode, code } = body
    return answer(reply, await hostedRestore.answer({ token, username, verificationCode }, code, { address: ip }))
  })

  app.post('/restore/finish', { schema: steps.finish, config }, async ({ body, ip }, reply) => {
    const { token, username, password, repeated } = body
    return answer(reply, await hostedRestore.finish({ token, username }, password, repeated, { address: ip }))
  })
}
