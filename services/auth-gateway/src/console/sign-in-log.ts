import { hashForLog, type Logger } from '@rekey/platform/logger'

/** The log events of signing in and out (S35). */
export const createSignInLog = (log: Logger) => ({
  signedIn: (actorId: string, address: string, cookie: string): void =>
    log.event('authn_staff_login', { actorId, address, session: hashForLog(cookie) }),

  refused: (reason: 'notStaff' | 'unknown' | 'refused', address: string, error: Error): void =>
    log.event('authn_staff_login_fail', { reason, address, err: error }),

  signedOut: (actorId: string, address: string): void => log.event('authn_staff_logout', { actorId, address }),
})

export type SignInLog = ReturnType<typeof createSignInLog>
