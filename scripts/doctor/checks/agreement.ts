import type { ServiceName } from '@rekey/contracts'
import { parseKeys } from '@rekey/platform/keys'
import type { TSchema } from '@sinclair/typebox'
import { type Check, type Finding, fail, ok } from '../finding.ts'
import { type Subject, services } from '../subjects.ts'

/** Variables that must have one value in all services that read them. */
const equalVariables = [
  'REKEY_PROFILE',
  'REKEY_PUBLIC_URL',
  'REKEY_BACK_OFFICE_FOUR_EYES',
  'REKEY_IDP_ISSUER',
  'REKEY_IDP_AUDIENCE',
  'REKEY_IDP_STAFF_AUDIENCE',
  'REKEY_IDP_JWKS_URL',
  'REKEY_IDP_SUBJECT_CLAIM',
]

const schemasOf = (service: ServiceName) => services[service].env.properties as Record<string, TSchema>
const readersOf = (subjects: readonly Subject[], name: string) =>
  subjects.filter(({ service }) => name in schemasOf(service))
const settingOf = ({ config }: Subject, name: string) => (config as Record<string, unknown>)[name]
const secretsOf = (subject: Subject, name: string) =>
  parseKeys(String(settingOf(subject, name) ?? '')).map(({ secret }) => secret)

const pairsOf = (subjects: readonly Subject[]) =>
  subjects.flatMap((one, index) => subjects.slice(index + 1).map((other) => [one, other] as const))

const unequal = (subjects: readonly Subject[]): Finding[] =>
  equalVariables.flatMap((name) => {
    const readers = readersOf(subjects, name)
    const isEqual = readers.every((reader) => settingOf(reader, name) === settingOf(readers[0] as Subject, name))
    return isEqual ? [] : [fail(`${name} differs between ${readers.map(({ service }) => service).join(' and ')}`)]
  })

/** A service could not open what another one seals: each must have the first key, which writes, of the other. */
const unreadable = (subjects: readonly Subject[]): Finding[] => {
  const names = new Set(
    subjects.flatMap(({ service }) =>
      Object.entries(schemasOf(service)).flatMap(([name, { format }]) => (format === 'keys' ? name : [])),
    ),
  )
  return [...names].flatMap((name) =>
    pairsOf(readersOf(subjects, name).filter((subject) => settingOf(subject, name) !== undefined)).flatMap(
      ([one, other]) => {
        const [ofOne, ofOther] = [secretsOf(one, name), secretsOf(other, name)]
        const isShared = ofOther.includes(ofOne[0] ?? '') && ofOne.includes(ofOther[0] ?? '')
        return isShared
          ? []
          : [
              fail(
                `${name} of ${one.service} and of ${other.service} have no common first key`,
                'give both the file of the same npm run keys -- generate',
              ),
            ]
      },
    ),
  )
}

/** A phone number counts as a channel only if the notifier can reach it. */
const smsCodes = (subjects: readonly Subject[]): Finding[] => {
  const notifier = subjects.find(({ service }) => service === 'notifier')
  const passwords = subjects.find(({ service }) => service === 'password-service')
  if (!notifier || !passwords) return []
  const hasVendor = settingOf(notifier, 'REKEY_SMS_URL') !== undefined
  return hasVendor || settingOf(passwords, 'REKEY_SMS_CODES') === false
    ? []
    : [fail('REKEY_SMS_URL is not set, and REKEY_SMS_CODES is true', 'set REKEY_SMS_CODES=false, or name a vendor')]
}

/** What the configurations of several services must have in common. */
export const agreementChecks = (subjects: readonly Subject[]): Check[] =>
  subjects.length < 2
    ? []
    : [
        {
          name: 'agreement',
          service: 'all',
          run() {
            const found = [...unequal(subjects), ...unreadable(subjects), ...smsCodes(subjects)]
            return found.length > 0 ? found : [ok('shared keys and variables are equal')]
          },
        },
      ]
