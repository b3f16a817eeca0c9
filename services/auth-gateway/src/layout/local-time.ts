import { type PageLanguage, pseudoLanguage } from '@rekey/texts'
import type { View } from './view.ts'

/** The locale that a language's dates are written in: that of the messages for English. */
const localeOf = (language: PageLanguage): string =>
  language === 'en' || language === pseudoLanguage ? 'en-GB' : language

/** A time in the customer's time zone, with its name; in UTC if the platform states no time zone that is known here. */
export const localTime = ({ language }: Pick<View, 'language'>, time: Date, timeZone: string): string => {
  const format = (zone: string) =>
    new Intl.DateTimeFormat(localeOf(language), {
      day: 'numeric',
      month: 'long',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      timeZone: zone,
      timeZoneName: 'short',
    }).format(time)
  try {
    return format(timeZone)
  } catch {
    return format('UTC')
  }
}
