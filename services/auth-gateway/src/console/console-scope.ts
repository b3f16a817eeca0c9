import { readFileSync } from 'node:fs'
import { errors, type RekeyError } from '@rekey/contracts'
import { noteError, waitHeaders } from '@rekey/platform/errors'
import type { Logger } from '@rekey/platform/logger'
import { registerScope, type Server } from '@rekey/platform/server'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { assetRoutes, createAsset } from '../layout/assets.ts'
import { cookiesOf } from '../layout/cookies.ts'
import type { Layout } from '../layout/layout.ts'
import type { Page } from '../layout/view.ts'
import { type Api, createApi } from './api.ts'
import { rules } from './console-stylesheet.ts'
import { errorPage } from './error-pages.ts'
import { navigation } from './navigation.ts'
import { consolePath } from './return-path.ts'
import { longestMs, type StaffSession, type StaffSessions } from './staff-sessions.service.ts'
import type { StaffTexts } from './staff-texts.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The member of staff. Only on routes of the console that are not open. */
    staff: StaffSession
    /** The API, in that person's name. */
    api: Api
  }
  interface FastifyContextConfig {
    /** True for a page of the console without a session. */
    isOpen?: boolean
  }
}

/** What a page of the console uses. */
export interface Desk {
  app: Server
  textsOf(request: FastifyRequest): StaffTexts
  /** Renders a page, with the navigation if somebody is signed in. */
  render(request: FastifyRequest, page: Page): string
  /** Sets the cookie of a session; without a value it ends. */
  setSession(reply: FastifyReply, cookie?: string): void
  sessionCookieOf(request: FastifyRequest): string | undefined
}

interface Deps {
  layout: Pick<Layout, 'pageScope' | 'render' | 'textsOf' | 'jar'>
  sessions: StaffSessions
  log: Logger
}

/** GET config of a page of the console: other sites may link to it. */
export const page = { public: true, crossSite: 'navigation' as const }
/** Of a form. `public`: the session takes the place of the bearer token. */
export const form = { public: true }

const cookieName = 'staff'

const stylesheet = createAsset('css', 'text/css; charset=utf-8', rules)
const script = createAsset(
  'js',
  'text/javascript; charset=utf-8',
  readFileSync(new URL('./console.js', import.meta.url), 'utf8'),
)

/** The path of a page at which a sign-in continues. Each form's path is a page too. */
const signInPath = ({ url, method }: FastifyRequest): string =>
  `${consolePath}/sign-in?${new URLSearchParams({ return: url, ...(method === 'POST' && { undone: '1' }) })}`

/**
 * Registers the console's routes. Each requires a session, unless it is open; without one the person is sent to the
 * sign-in, and back to the page afterwards. Every error is a page with the next step.
 */
export const consoleScope = (
  app: Server,
  { layout, sessions, log }: Deps,
  wire: (desk: Desk) => void,
): Promise<void> => {
  const { jar } = layout
  const texts = layout.textsOf('staff')
  const callApi = createApi(app)
  const textsOf = (request: FastifyRequest) => texts(request.view.language)
  const sessionCookieOf = (request: FastifyRequest) => cookiesOf(request)[jar.nameOf(cookieName)]
  const setSession = (reply: FastifyReply, cookie?: string) =>
    void reply.header('set-cookie', jar.write(cookieName, cookie ?? '', cookie === undefined ? 0 : longestMs / 1_000))
  const render = (request: FastifyRequest, page: Page) =>
    layout.render(request.view, {
      ...page,
      desk: {
        navigation: request.staff ? navigation(textsOf(request), request.view, request.staff, request.url) : '',
        stylesheet: stylesheet.path,
        script: script.path,
      },
    })

  assetRoutes(app, [stylesheet, script])
  return layout.pageScope(app, (pages) =>
    registerScope(pages, async (scope) => {
      scope.addHook('onRequest', async (request, reply) => {
        if (request.routeOptions.config.isOpen) return
        const cookie = sessionCookieOf(request)
        const session = cookie === undefined ? undefined : await sessions.find(cookie)
        if (!session) return reply.redirect(signInPath(request), 303)
        request.staff = session
        request.api = callApi({ accessToken: session.accessToken, address: request.ip })
      })

      scope.setErrorHandler(async (thrown: RekeyError, request, reply) => {
        // Refused before the page had headers and texts: the handler of all pages has them.
        if (!request.view) throw thrown
        const error = noteError(thrown, reply)
        if (error.code === 'invalid_token' && request.staff) {
          // The API refuses the token, for example after a reset of all sessions: the person signs in again.
          await sessions
            .end(sessionCookieOf(request) ?? '')
            .catch((err) => log.event('staff_session_not_ended', { err }))
          return reply.redirect(signInPath(request), 303)
        }
        // Fastify removes the content type of a failed answer.
        reply.type('text/html; charset=utf-8').headers(waitHeaders(error)).code(errors[error.code].status)
        return reply.send(render(request, errorPage(textsOf(request), request.view, error)))
      })

      wire({ app: scope, textsOf, render, setSession, sessionCookieOf })
    }),
  )
}
