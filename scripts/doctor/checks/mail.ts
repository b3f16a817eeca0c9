import { Resolver } from 'node:dns/promises'
import type { SmtpFailure } from '../../../services/notifier/src/channels/failures.ts'
import { createSmtp } from '../../../services/notifier/src/channels/smtp.ts'
import { type Check, type Finding, fail, ok, warn } from '../finding.ts'
import { placeOf } from '../secrets.ts'
import type { Subject } from '../subjects.ts'
import { certificateChecks } from './certificates.ts'

/** True if the notifier uses TLS: at once, or by STARTTLS because the URL or production requires it. */
const encryption = (url: string, isProduction: boolean): 'direct' | 'smtp' | undefined => {
  const { protocol, port, searchParams } = new URL(url)
  if (protocol === 'smtps:') return 'direct'
  return isProduction || port === '587' || searchParams.has('requireTLS') ? 'smtp' : undefined
}

const defaultPortOf = (url: string) => (url.startsWith('smtps:') ? 465 : 587)

/** Looks up which mail hosts receive for the bounce domain. */
const findBounceHosts = async (domain: string): Promise<Finding[]> => {
  const todo = 'give it an MX record of the mail host that routes its mail to REKEY_BOUNCE_PORT'
  try {
    const hosts = await new Resolver({ timeout: 3_000, tries: 1 }).resolveMx(domain)
    const names = hosts.map(({ exchange }) => exchange).filter(Boolean)
    return [
      names.length > 0 ? ok(`mail for ${domain} goes to ${names.join(', ')}`) : warn(`${domain} takes no mail`, todo),
    ]
  } catch (error) {
    return [warn(`no MX record of ${domain} was found (${(error as NodeJS.ErrnoException).code})`, todo)]
  }
}

/** EHLO, STARTTLS and the login, as the notifier does them. No mail is sent. */
export const mailChecks = (
  { service, config, isProduction }: Subject<'notifier'>,
  passwords: Subject<'password-service'> | undefined,
  onEnd: (close: () => unknown) => void,
): Check[] => {
  const { SMTP_URL: url, REKEY_MAIL_FROM: from, REKEY_SMTP_EHLO: ehloName, REKEY_BOUNCE_DOMAIN: domain } = config
  if (url === undefined || from === undefined) return []
  const protocol = encryption(url, isProduction)
  const place = placeOf(url)
  // A constructor may refuse the URL: the configuration names it.
  const open = () => createSmtp({ url, from, requireTls: isProduction, ehloName, connections: 1, timeoutMs: 5_000 })

  const signIn = async (): Promise<Finding[]> => {
    const smtp = open()
    onEnd(() => smtp.close())
    try {
      await smtp.check()
    } catch (error) {
      const { responseCode, command, code, message } = error as SmtpFailure
      if (responseCode === undefined) throw new Error(`${place}: ${message || code}: check SMTP_URL`)
      throw new Error(
        `${place} answers ${command ?? 'the connection'} with ${responseCode}: check user and password in SMTP_URL, and ` +
          'what the mail server accepts of this machine',
      )
    }
    return [ok(`${place} accepts the connection${new URL(url).username ? ' and the login' : ''}; no mail was sent`)]
  }
  const extensions = async (): Promise<Finding[]> => {
    const smtp = open()
    onEnd(() => smtp.close())
    const isOffered = await smtp.offersSmtpUtf8()
    const isSet = passwords?.config.REKEY_SMTPUTF8
    if (isSet && !isOffered)
      return [
        fail(
          `${place} does not offer SMTPUTF8, and REKEY_SMTPUTF8 is true`,
          'set REKEY_SMTPUTF8=false for the password-service',
        ),
      ]
    if (isOffered && isSet === false)
      return [warn(`${place} offers SMTPUTF8`, 'set REKEY_SMTPUTF8=true for the password-service')]
    return [ok(isOffered ? 'SMTPUTF8 is offered' : 'SMTPUTF8 is not offered')]
  }
  const endpoints = protocol ? [{ url, protocol, defaultPort: defaultPortOf(url) }] : []
  return [
    ...certificateChecks({ name: 'mail certificate', service, endpoints }),
    { name: 'mail server', service, needs: 'mail certificate', run: signIn },
    { name: 'mail extensions', service, needs: 'mail server', run: extensions },
    ...(domain ? [{ name: 'mail bounces', service, run: () => findBounceHosts(domain) }] : []),
  ]
}
