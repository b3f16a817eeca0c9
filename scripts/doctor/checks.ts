import type { ServiceName } from '@rekey/contracts'
import { agreementChecks } from './checks/agreement.ts'
import { brokerChecks } from './checks/broker.ts'
import { configurationChecks, serverRuleChecks } from './checks/configuration.ts'
import { databaseChecks } from './checks/database.ts'
import { httpChecks } from './checks/http.ts'
import { keyChecks } from './checks/keys.ts'
import { mailChecks } from './checks/mail.ts'
import { redisChecks } from './checks/redis.ts'
import { ownCertificateChecks } from './checks/tls.ts'
import type { Check } from './finding.ts'
import type { Subject } from './subjects.ts'

type OnEnd = (close: () => unknown) => void

const find = <Name extends ServiceName>(subjects: readonly Subject[], service: Name) =>
  subjects.find((subject) => subject.service === service) as Subject<Name> | undefined

const ofService = (subject: Subject, subjects: readonly Subject[], onEnd: OnEnd): Check[] => {
  const { service } = subject
  return [
    ...configurationChecks(subject),
    ...keyChecks(subject),
    ...ownCertificateChecks(subject),
    ...(service === 'auth-gateway' ? redisChecks(subject as Subject<'auth-gateway'>, onEnd) : []),
    ...(service === 'password-service' ? databaseChecks(subject as Subject<'password-service'>, onEnd) : []),
    ...brokerChecks(subject, { isFirst: subject === subjects[0], onEnd }),
    ...serverRuleChecks(subject),
    ...(service === 'notifier'
      ? mailChecks(subject as Subject<'notifier'>, find(subjects, 'password-service'), onEnd)
      : []),
    ...httpChecks(subject, find(subjects, 'auth-gateway')),
  ]
}

/** Every check of these services, in the order of the output. `onEnd` gets what must be closed. */
export const checksOf = (subjects: readonly Subject[], onEnd: OnEnd): Check[] => [
  ...subjects.flatMap((subject) => ofService(subject, subjects, onEnd)),
  ...agreementChecks(subjects),
]
