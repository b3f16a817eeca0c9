import {
  type ErrorCode,
  errors,
  RekeyError,
  type ReportCompromiseReply,
  type WaitingRestoreVetoReply,
} from '@rekey/contracts'
import { errorPage } from '../layout/error-pages.ts'
import type { States } from '../layout/gallery.fixture.ts'
import { OutdatedForm } from '../layout/outdated-form.ts'
import type { Problem, View } from '../layout/view.ts'
import { confirmPage, resultPage, tryAgainPage } from './compromise-report.template.ts'
import type { EndedState, RestoreState } from './hosted-restore.state.ts'
import { startPage, statePage, unknownPage } from './hosted-restore.template.ts'
import type { Outcome } from './outcome.ts'
import { vetoPage, vetoResultPage, vetoRetryPage } from './restore-veto.template.ts'
import { type ReturnFault, returnFaultPage } from './return-to.ts'

const now = new Date('2026-11-26T12:00:00Z')
const inSeconds = (seconds: number) => now.getTime() + seconds * 1_000
const username = 'maria.fernandez-schmidt@example.com'
const common = {
  clientId: 'ib_localhost',
  username,
  returnTo: { redirectUri: 'https://bank.example/login', state: 's' },
}
const facts = { codeDigits: 6, codeLifeSeconds: 600, minPasswordLength: 8, maxPasswordLength: 128 }
const code = { ...common, step: 'code', token: 't', verificationCode: '4821', expiresAt: inSeconds(600) } as const
const password = { ...common, step: 'password', token: 't', expiresAt: inSeconds(600) } as const

const ofState = (state: RestoreState) => (view: View) =>
  statePage({ view, facts, path: '/restore/0123456789012345678901', turn: '1', now }, state)
const ofCode = (more: object = {}) => ofState({ ...code, resendAt: inSeconds(43), ...more })
const ofPassword = (outcome?: Outcome, strength?: number) =>
  ofState({ ...password, outcome, ...(strength !== undefined && { strength }) })
const proof = {
  ...common,
  step: 'proof',
  token: 't',
  challengeTypes: ['otp', 'oob:sms:+44*******01', 'recovery_code'],
  expiresAt: inSeconds(600),
} as const
const ofProof = (chosen?: string, more: object = {}) =>
  ofState({ ...proof, challengeTypes: [...proof.challengeTypes], chosen, ...more })
const sentProof = { verificationCode: '4821', resendAt: inSeconds(43) }
const start = (problem?: (view: View) => Problem) => (view: View) =>
  startPage(view, {
    fields: { flow: '0123456789012345678901' },
    ...(problem && { input: 'maria', problem: problem(view) }),
  })

const policyReasons = ['too_short', 'too_long', 'common', 'context_word', 'breached', 'reused', 'of a later version']

// The compiler requires a state for each outcome, ending and fault: a new one cannot be left out.
const outcomes: Record<Outcome['kind'], States> = {
  wrongCode: { 'code-wrong': ofCode({ outcome: { kind: 'wrongCode' } }) },
  wrongOtp: { 'proof-otp-wrong': ofProof('otp', { outcome: { kind: 'wrongOtp' } }) },
  malformedOtp: { 'proof-otp-malformed': ofProof('otp', { outcome: { kind: 'malformedOtp' } }) },
  wrongRecovery: { 'proof-recovery-wrong': ofProof('recovery_code', { outcome: { kind: 'wrongRecovery' } }) },
  malformedRecovery: {
    'proof-recovery-malformed': ofProof('recovery_code', { outcome: { kind: 'malformedRecovery' } }),
  },
  wrongPasskey: { 'proof-passkey-wrong': ofProof('webauthn', { outcome: { kind: 'wrongPasskey' } }) },
  noPasskey: { 'proof-passkey-none': ofProof('webauthn', { outcome: { kind: 'noPasskey' } }) },
  malformedCode: { 'code-malformed': ofCode({ outcome: { kind: 'malformedCode' } }) },
  verificationCode: { 'code-is-verification': ofCode({ outcome: { kind: 'verificationCode' } }) },
  resent: { 'code-resent': ofCode({ outcome: { kind: 'resent' } }) },
  wait: {
    'code-wait': ofCode({ outcome: { kind: 'wait', until: inSeconds(43) } }),
    'password-wait': ofPassword({ kind: 'wait', until: inSeconds(300) }),
  },
  unavailable: {
    'code-unavailable': ofCode({ outcome: { kind: 'unavailable' } }),
    'password-unavailable': ofPassword({ kind: 'unavailable' }),
  },
  unknownResult: { 'password-unknown': ofPassword({ kind: 'unknownResult' }) },
  emptyPassword: { 'password-empty': ofPassword({ kind: 'emptyPassword' }) },
  refused: Object.fromEntries(
    policyReasons.map((reason) => [
      `password-refused-${reason.replaceAll(/\W/g, '-')}`,
      ofPassword({ kind: 'refused', reasons: [reason] }),
    ]),
  ),
  otherPassword: { 'done-other-password': ofState({ ...common, step: 'done', outcome: { kind: 'otherPassword' } }) },
}

const endings: Record<EndedState['why'], States> = {
  tooManyWrong: { 'ended-too-many-wrong': ofState({ ...common, step: 'ended', why: 'tooManyWrong' }) },
  noWait: { 'ended-no-wait': ofState({ ...common, step: 'ended', why: 'noWait' }) },
  noProof: { 'ended-no-proof': ofState({ ...common, step: 'ended', why: 'noProof' }) },
  late: { 'ended-late': ofState({ ...common, step: 'ended', why: 'late' }) },
  spent: { 'ended-spent': ofState({ ...common, step: 'ended', why: 'spent' }) },
  unknown: { 'ended-unknown': ofState({ ...common, step: 'ended', why: 'unknown' }) },
}

const faults: Record<ReturnFault, string> = {
  'client_id.missing': 'client-missing',
  'client_id.unknown': 'client-unknown',
  'client_id.scope': 'client-scope',
  'redirect_uri.missing': 'client-redirect-missing',
  'redirect_uri.unknown': 'client-redirect-unknown',
}

const reports: Record<ReportCompromiseReply['result'], string> = {
  reported: 'report-reported',
  used: 'report-used',
  expired: 'report-expired',
  invalid: 'report-invalid',
}

const vetoes: Record<WaitingRestoreVetoReply['result'], string> = {
  vetoed: 'veto-vetoed',
  completed: 'veto-completed',
  over: 'veto-over',
  invalid: 'veto-invalid',
}

const waiting = (secondsLeft: number) => {
  const rest = { until: inSeconds(86_400), timezone: 'Asia/Nicosia' }
  const challengeTypes = [...proof.challengeTypes]
  const secondProof = { step: 'proof' as const, token: 't', challengeTypes, expiresAt: inSeconds(secondsLeft) }
  return ofState({ ...common, step: 'waiting', ...rest, proof: secondProof })
}

const merged = (lists: States[]): States => Object.assign({}, ...lists)

/** Every state of every page of this folder, and the error pages. Tests of accessibility and screenshots read it. */
export const pageStates: States = {
  start: start(),
  'start-malformed': start(({ t }) => ({ field: 'username', text: t('start.malformed') })),
  'start-too-often': start(({ t }) => ({ text: t('tooOften', { wait: t('wait.minutes', { count: 5 }) }) })),
  'code-email': ofCode(),
  'code-phone': ofCode({ username: '+447700900123' }),
  'code-resend-now': ofCode({ resendAt: inSeconds(0) }),
  'code-expired': ofCode({ expiresAt: inSeconds(0) }),
  proof: ofProof(),
  'proof-may-wait': ofProof(undefined, { mayWait: true }),
  'proof-otp-may-wait': ofProof('otp', { challengeTypes: ['otp'], mayWait: true }),
  waiting: waiting(600),
  'waiting-late': waiting(0),
  'proof-wait': ofProof(undefined, { outcome: { kind: 'wait', until: inSeconds(43) } }),
  'proof-otp': ofProof('otp'),
  'proof-otp-only': ofProof('otp', { challengeTypes: ['otp'] }),
  'proof-recovery': ofProof('recovery_code'),
  'proof-sms': ofProof('oob:sms:+44*******01', sentProof),
  'proof-email': ofProof('oob:email:m*t@example.com', { ...sentProof, resendAt: 0, outcome: { kind: 'resent' } }),
  'proof-email-wrong': ofProof('oob:email:m*t@example.com', { ...sentProof, outcome: { kind: 'wrongCode' } }),
  password: ofPassword(),
  'password-proven': ofState({ ...password, isProven: true }),
  ...Object.fromEntries([0, 1, 2, 3, 4].map((score) => [`password-strength-${score}`, ofPassword(undefined, score)])),
  done: ofState({ ...common, step: 'done' }),
  'done-without-return': ofState({ ...common, returnTo: undefined, step: 'done' }),
  returned: ofState({
    ...common,
    step: 'returned',
    location: 'https://bank.example/?code=x',
    expiresAt: inSeconds(60),
  }),
  'returned-late': ofState({ ...common, step: 'returned', location: 'https://bank.example/', expiresAt: inSeconds(0) }),
  unknown: unknownPage,
  ...merged(Object.values(outcomes)),
  ...merged(Object.values(endings)),
  ...Object.fromEntries(
    Object.entries(faults).map(([fault, name]) => [name, (view: View) => returnFaultPage(view, fault as ReturnFault)]),
  ),
  report: (view) => confirmPage(view, 'x.y'),
  'report-retry': (view) => tryAgainPage(view, 'x.y'),
  ...Object.fromEntries(
    Object.entries(reports).map(([result, name]) => [
      name,
      (view: View) => resultPage(view, result as ReportCompromiseReply['result']),
    ]),
  ),
  veto: (view) => vetoPage(view, 'x.y'),
  'veto-retry': (view) => vetoRetryPage(view, 'x.y'),
  ...Object.fromEntries(
    Object.entries(vetoes).map(([result, name]) => [
      name,
      (view: View) => vetoResultPage(view, result as WaitingRestoreVetoReply['result']),
    ]),
  ),
  'error-outdated': (view) => errorPage(view, new OutdatedForm()),
  ...Object.fromEntries(
    (Object.keys(errors) as ErrorCode[])
      .filter((code) =>
        ['invalid_request', 'cross_site_request', 'too_many_requests', 'unavailable', 'internal', 'not_found'].includes(
          code,
        ),
      )
      .map((code) => [`error-${code.replaceAll('_', '-')}`, (view: View) => errorPage(view, new RekeyError(code))]),
  ),
}
