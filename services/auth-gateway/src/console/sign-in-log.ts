import { hashForLog, type Logger } from '@rekey/platform/logger'

/** The log events of signing in and out (S35). */
export const createSignInLog = (log: Logger) => ({
  signedIn: (actorId: string, address: string, cookie: string): void =>
    log.info(
      { event: 'authn_staff_login', actorId, address, session: hashForLog(cookie) },
      'a member of staff signed in to the console',
    ),

  refused: (reason: 'notStaff' | 'unknown' | 'refused', address: string, error: Error): void =>
    log.warn(
      { event: 'authn_staff_login_fail', reason, address, err: error.message },
      'a sign-in to the console was refused',
    ),

  signedOut: (actorId: string, address: string): void =>
    log.info({ event: 'authn_staff_logout', actorId, address }, 'a member of staff signed out of the console'),
})

export type SignInLog = ReturnType<typeof createSignInLog>
