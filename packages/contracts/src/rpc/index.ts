import type { ServiceName } from '../services.ts'
import { CustomersErase, CustomersGet, CustomersSummary, CustomersUpsert, PasswordStatus } from './customers.ts'
import { PasswordVerify } from './password-verify.ts'
import { RaiseSessionEpoch } from './raise-session-epoch.ts'
import { ReportCompromise } from './report-compromise.ts'
import { SessionNotBefore } from './session-not-before.ts'

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
] as const

/** The service that serves every RPC. */
export const rpcServer: ServiceName = 'password-service'

/**
 * The RPCs that each user of the broker may call. `platform` is an example of a service of the platform; customers.erase is
 * for a user of its own.
 */
export const rpcCalls = {
  'auth-gateway': [PasswordVerify, ReportCompromise, SessionNotBefore, RaiseSessionEpoch, CustomersSummary],
  platform: [PasswordVerify, PasswordStatus, CustomersGet, CustomersUpsert],
} as const
