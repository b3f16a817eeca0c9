import { type ServiceName, serviceNames } from '../services.ts'
import { CustomersErase, CustomersGet, CustomersSummary, CustomersUpsert, PasswordStatus } from './customers.ts'
import { FactorsList, FactorsVerify } from './factors.ts'
import { RequestPasskey, VerifyPasskey } from './passkeys.ts'
import { PasswordVerify } from './password-verify.ts'
import { RaiseSessionEpoch } from './raise-session-epoch.ts'
import { replayRpcs } from './replay-dead-letter.ts'
import { ReportCompromise } from './report-compromise.ts'
import { SessionNotBefore } from './session-not-before.ts'
import { WaitingRestoreOpen, WaitingRestoreVeto } from './waiting-restores.ts'

/** Every RPC (NATS services, request/reply). No stream stores them. */
export const rpcs = [
  PasswordVerify,
  PasswordStatus,
  CustomersGet,
  CustomersSummary,
  CustomersUpsert,
  CustomersErase,
  ReportCompromise,
  SessionNotBefore,
  RaiseSessionEpoch,
  FactorsList,
  FactorsVerify,
  WaitingRestoreOpen,
  WaitingRestoreVeto,
  RequestPasskey,
  VerifyPasskey,
  replayRpcs['auth-gateway'],
  replayRpcs['password-service'],
  replayRpcs.notifier,
] as const

/** The service that serves an RPC: the password-service, but each service replays the dead letters of its own events. */
export const rpcServerOf = ({ subject }: { subject: string }): ServiceName =>
  serviceNames.find((name) => replayRpcs[name].subject === subject) ?? 'password-service'

/**
 * The RPCs that each user of the broker may call. `platform` is an example of a service of the platform, `operator` is
 * the user of people on call; customers.erase is for a user of its own.
 */
export const rpcCalls = {
  'auth-gateway': [
    PasswordVerify,
    ReportCompromise,
    SessionNotBefore,
    RaiseSessionEpoch,
    CustomersSummary,
    FactorsList,
    FactorsVerify,
    WaitingRestoreOpen,
    WaitingRestoreVeto,
    RequestPasskey,
    VerifyPasskey,
  ],
  platform: [PasswordVerify, PasswordStatus, CustomersGet, CustomersUpsert],
  operator: Object.values(replayRpcs),
} as const
