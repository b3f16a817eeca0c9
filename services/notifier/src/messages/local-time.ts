import type { Recipient } from '@rekey/contracts'
import type { Language } from '@rekey/texts'

/** Locales for customers whose own is of another language than the message, or unreadable. */
const defaultLocales: Record<Language, string> = { en: 'en-GB', de: 'de-DE', es: 'es-ES', ru: 'ru-RU' }

/** Month in an SMS. A Russian name costs more of its few characters than a number. */
const shortMonths = { en: 'short', de: 'short', es: 'short', ru: '2-digit' } as const satisfies Record<Language, string>

/** `de_CH` as `de-CH`: other platforms write locales so (CLDR). */
export const toLanguageTag = (locale: string): string => locale.replaceAll('_', '-')

/** The customer's locale, if it is of the message's language. Extensions are dropped: digits and calendar stay usual. */
const toLocale = (locale: string, language: Language): string => {
  try {
    const read = new Intl.Locale(toLanguageTag(locale))
    return read.language === language ? read.baseName : defaultLocales[language]
  } catch {
    return defaultLocales[language]
  }
}

const toZone = (timezone: string): string => {
  try {
    return timezone && new Intl.DateTimeFormat('en', { timeZone: timezone }).resolvedOptions().timeZone
  } catch {
    return ''
  }
}

/** Spaces and minus signs that would make an SMS in GSM-7 one in UCS-2, which has less than half the characters. */
const toGsm = (text: string): string => text.replaceAll(/[\u00a0\u202f]/g, ' ').replaceAll('\u2212', '-')

/** Keeps the text of the last minute: under load most mails name the same one, and a text takes longer than the mail's HTML. */
const ofMinute = (textOf: (at: Date) => string) => {
  let minute = Number.NaN
  let text = ''
  return (at: Date): string => {
    const asked = Math.floor(at.getTime() / 60_000)
    if (asked !== minute) [minute, text] = [asked, textOf(at)]
    return text
  }
}

/** Times in the language of a message and the time zone of its customer; in UTC if that is unknown. */
export const createLocalTime = ({ locale, timezone }: Pick<Recipient, 'locale' | 'timezone'>, language: Language) => {
  const tag = toLocale(locale, language)
  const timeZone = toZone(timezone) || 'UTC'
  /** A format is made when it is first used: that takes longer than anything else in a message. */
  const formatOf = (options: Intl.DateTimeFormatOptions) => {
    let format: Intl.DateTimeFormat | undefined
    return () => (format ??= new Intl.DateTimeFormat(tag, { ...options, timeZone }))
  }
  const dateTime = formatOf({ dateStyle: 'long', timeStyle: 'short' })
  const time = formatOf({ timeStyle: 'short' })
  const zone = formatOf({ timeZoneName: 'long' })
  const short = { hour: 'numeric', minute: '2-digit', timeZoneName: 'short' } as const
  const shortDateTime = formatOf({ day: 'numeric', month: shortMonths[language], ...short })
  const shortTime = formatOf(short)
  const zoneName = (at: Date) =>
    zone()
      .formatToParts(at)
      .find(({ type }) => type === 'timeZoneName')?.value ?? timeZone
  return {
    /** `21 November 2026 at 22:37 (Eastern European Standard Time)` */
    dateTime: ofMinute((at) => `${dateTime().format(at)} (${zoneName(at)})`),
    /** `22:37 (Eastern European Standard Time)` */
    time: ofMinute((at) => `${time().format(at)} (${zoneName(at)})`),
    /** `21 Nov, 22:37 GMT+2`: for an SMS. */
    shortDateTime: ofMinute((at) => toGsm(shortDateTime().format(at))),
    /** `22:37 GMT+2`: for an SMS. */
    shortTime: ofMinute((at) => toGsm(shortTime().format(at))),
  }
}
