import { languages } from '@rekey/texts'
import { measureSms } from '../../services/notifier/src/messages/compose-sms.ts'
import {
  longest,
  presentationOf,
  type SampleValues,
  samples,
  usual,
} from '../../services/notifier/src/messages/samples.fixture.ts'

/** The variants of an address differ in their mails alone. */
const names = [...samples.keys()].filter((name) => !name.startsWith('address-removed email'))

const row = (cells: string[]) => `| ${cells.join(' | ')} |`

const describe = ({ brand, publicUrl, contact, code, ip }: SampleValues) =>
  `a name of ${brand.length} characters, a host of ${new URL(publicUrl).hostname.length}, ` +
  `a contact of ${contact.length}, an address of ${ip.length}, a code of ${code.length} digits`

/** Length and segments of every SMS in every language, for usual values and for the longest. */
export const smsTable = (): string => {
  const cell = (name: string, language: (typeof languages)[number]) =>
    [usual, longest]
      .map((values) => {
        const message = samples.get(name)?.(presentationOf(values, language), values)
        const { length, segments } = measureSms(message?.sms ?? '')
        return `${length} in ${segments}`
      })
      .join(', ')
  return [
    `The first figure is for ${describe(usual)}; the second for ${describe(longest)}.`,
    '',
    row(['message', ...languages]),
    row(['message', ...languages].map(() => '---')),
    ...names.map((name) => row([`\`${name}\``, ...languages.map((language) => cell(name, language))])),
  ].join('\n')
}
