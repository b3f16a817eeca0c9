import type { Recipient } from '@rekey/contracts'

type Place = Pick<Recipient, 'locale' | 'timezone'>

const supported = (probe: () => unknown): boolean => {
  try {
    probe()
    return true
  } catch {
    return false
  }
}

// All messages are in English: a date in another language would read badly in them.
const toLocale = (locale: string): string =>
  /^en\b/i.test(locale) && supported(() => new Intl.Locale(locale)) ? locale : 'en-GB'

const toZone = (timezone: string): string =>
  timezone && supported(() => new Intl.DateTimeFormat('en', { timeZone: timezone })) ? timezone : 'UTC'

const zoneName = (time: Date, locale: string, timeZone: string): string =>
  new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: 'long' })
    .formatToParts(time)
    .find(({ type }) => type === 'timeZoneName')?.value ?? timeZone

const format = (time: Date, { locale: wanted, timezone }: Place, options: Intl.DateTimeFormatOptions): string => {
  const locale = toLocale(wanted)
  const timeZone = toZone(timezone)
  const text = new Intl.DateTimeFormat(locale, { ...options, timeZone }).format(time)
  return `${text} (${zoneName(time, locale, timeZone)})`
}

/** `21 November 2026 at 22:37 (Eastern European Standard Time)`; UTC if the time zone is unknown. */
export const localDateTime = (time: Date, place: Place): string =>
  format(time, place, { dateStyle: 'long', timeStyle: 'short' })

/** `22:37 (Eastern European Standard Time)` */
export const localTime = (time: Date, place: Place): string => format(time, place, { timeStyle: 'short' })
