import { CustomersGet, CustomersUpsert, PasswordStatus } from './customers.ts'
import { PasswordVerify } from './password-verify.ts'
import { ReportCompromise } from './report-compromise.ts'

/** Every question that is answered on the broker (NATS services, request/reply); none is ever kept in a stream. */
export const rpcs = [PasswordVerify, PasswordStatus, CustomersGet, CustomersUpsert, ReportCompromise] as const
