import { errors } from '@rekey/contracts'
import { Type } from '@sinclair/typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { html } from 'ghtml'
import { cookiesOf } from '../layout/cookies.ts'
import type { Layout } from '../layout/layout.ts'
import { type Desk, form, page } from './console-scope.ts'
import { paragraph } from './elements.ts'
import { SignInRefused } from './identity-provider-client.ts'
import { consolePath, readReturnPath } from './return-path.ts'
import { type SignIn, signInSeconds, UnknownSignIn } from './sign-in.service.ts'
import type { SignInLog } from './sign-in-log.ts'
import { NotStaff, type StaffSessions } from './staff-sessions.service.ts'

interface Deps {
  signIn: SignIn
  sessions: StaffSessions
  jar: Layout['jar']
  /** Spends the quota of one submitted token. @throws RekeyError too_many_requests, unavailable */
  spendToken(address: string): Promise<unknown>
  log: SignInLog
}

const Wanted = Type.Object({
  return: Type.Optional(Type.String({ maxLength: 2_000 })),
  undone: Type.Optional(Type.String()),
})
const Response = Type.Object({ state: Type.Optional(Type.String()) })

const open = { ...page, isOpen: true }

/** The sign-in at the identity provider, and the sign-out. */
export const signInPage = (desk: Desk, { signIn, sessions, jar, spendToken, log }: Deps): void => {
  const { app, textsOf, render, setSession, sessionCookieOf } = desk

  const button = (request: FastifyRequest, returnTo: string, text: 'signIn.button' | 'signIn.again') =>
    html`<p><a class="button" href="${consolePath}/sign-in/start?${new URLSearchParams({ return: returnTo }).toString()}">${textsOf(request)(text)}</a></p>`

  const refusal = (request: FastifyRequest, reply: FastifyReply, error: unknown): string => {
    const t = textsOf(request)
    const kind = error instanceof NotStaff ? 'notStaff' : error instanceof UnknownSignIn ? 'unknown' : 'refused'
    log.refused(kind, request.ip, error as Error)
    reply.code(errors[kind === 'notStaff' ? 'insufficient_scope' : 'invalid_request'].status)
    return render(request, {
      title: t(`signIn.${kind}.title`),
      body: paragraph(t(`signIn.${kind}.text`)) + button(request, consolePath, 'signIn.again'),
    })
  }

  app.get(`${consolePath}/sign-in`, { schema: { querystring: Wanted }, config: open }, async (request) => {
    const t = textsOf(request)
    const { return: returnTo, undone } = request.query
    const notice =
      undone !== undefined ? 'signIn.undone' : sessionCookieOf(request) === undefined ? undefined : 'signIn.ended'
    return render(request, {
      title: t('signIn.title'),
      body: html`!${notice ? html`<p class="notice" role="status">${t(notice)}</p>` : ''}
!${paragraph(t('signIn.text'))}
!${button(request, readReturnPath(returnTo), 'signIn.button')}`,
    })
  })

  // Only the console's own pages lead here: another site cannot make a browser begin sign-ins.
  app.get(
    `${consolePath}/sign-in/start`,
    { schema: { querystring: Wanted }, config: { public: true, isOpen: true } },
    async (request, reply) => {
      const { url, cookie } = await signIn.begin(request.query.return)
      reply.header('set-cookie', jar.write(cookie.name, cookie.value, signInSeconds))
      return reply.redirect(url, 303)
    },
  )

  app.get(`${consolePath}/callback`, { schema: { querystring: Response }, config: open }, async (request, reply) => {
    const name = signIn.cookieOf(request.query.state)
    const cookie = name === undefined ? undefined : cookiesOf(request)[jar.nameOf(name)]
    if (name !== undefined) reply.header('set-cookie', jar.write(name, '', 0))
    try {
      await spendToken(request.ip)
      const { tokens, returnTo } = await signIn.finish(cookie, request.url.slice(request.url.indexOf('?')))
      const earlier = sessionCookieOf(request)
      const { cookie: begun, session } = await sessions.begin(tokens)
      if (earlier !== undefined) await sessions.end(earlier)
      log.signedIn(session.subject, request.ip, begun)
      setSession(reply, begun)
      return reply.redirect(returnTo, 303)
    } catch (error) {
      if (error instanceof NotStaff || error instanceof UnknownSignIn || error instanceof SignInRefused)
        return refusal(request, reply, error)
      throw error
    }
  })

  // A browser that reloads the page after a sign-out asks for the form's path.
  app.get(`${consolePath}/sign-out`, { config: open }, async (_request, reply) => reply.redirect(consolePath, 303))

  app.post(`${consolePath}/sign-out`, { config: { ...form, isOpen: true } }, async (request, reply) => {
    const cookie = sessionCookieOf(request)
    const subject = cookie === undefined ? undefined : await sessions.end(cookie)
    if (subject !== undefined) log.signedOut(subject, request.ip)
    setSession(reply)
    return reply.redirect(`${consolePath}/signed-out`, 303)
  })

  app.get(`${consolePath}/signed-out`, { config: open }, async (request) => {
    const t = textsOf(request)
    return render(request, {
      title: t('signedOut.title'),
      body: paragraph(t('signedOut.text')) + button(request, consolePath, 'signIn.again'),
    })
  })
}
