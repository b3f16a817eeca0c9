import { CompactToken, errors, Username } from '@rekey/contracts'
import { noteError, waitHeaders } from '@rekey/platform/errors'
import type { Server } from '@rekey/platform/server'
import { Type } from '@sinclair/typebox'
import type { HostedRestore, Outcome } from './hosted-restore.service.ts'
import { stepPage } from './hosted-restore.template.ts'
import type { Page } from './layout.ts'

interface Deps {
  brand: string
  hostedRestore: HostedRestore
  show(page: Page): string
}

/** What of an answer is set here. */
type Reply = Parameters<typeof noteError>[1] & {
  code(status: number): { headers(values: ReturnType<typeof waitHeaders>): unknown }
}

/** What a person types is looked at by the step, which can say what is wrong; what the form brings along is ours. */
const typed = Type.String({ maxLength: 4096 })
const codeStep = {
  token: CompactToken,
  username: Username,
  verification: Type.String({ pattern: '^\\d{4}$' }),
}

const steps = {
  begin: { body: Type.Object({ username: typed }) },
  resend: { body: Type.Object(codeStep) },
  answer: { body: Type.Object({ ...codeStep, code: typed }) },
  finish: {
    body: Type.Object({ token: CompactToken, username: Username, password: Type.String(), repeated: Type.String() }),
  },
}

/** The hosted restore, one page a step. */
export const hostedRestoreRoutes = (app: Server, { brand, hostedRestore, show }: Deps): void => {
  const config = { public: true }
  const answer = (reply: Reply, { step, error }: Outcome) => {
    if (error) reply.code(errors[noteError(error, reply).code].status).headers(waitHeaders(error))
    return show(stepPage(brand, step))
  }

  app.get('/restore', { config }, async () => show(stepPage(brand, { name: 'start', username: '' })))

  // A phone that has put the page aside asks for its address again, which was that of a form.
  for (const step of ['begin', 'resend', 'answer', 'finish']) {
    app.get(`/restore/${step}`, { config }, async (_request, reply) => reply.redirect('/restore', 303))
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
