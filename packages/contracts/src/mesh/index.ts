import { AccountReport } from './account-report.ts'
import { CustomersGet, CustomersUpsert, PasswordStatus } from './customers.ts'
import { PasswordVerify } from './password-verify.ts'

/** Every question that is answered on the broker (NATS services, request/reply); none is ever kept in a stream. */
export const questions = [PasswordVerify, PasswordStatus, CustomersGet, CustomersUpsert, AccountReport] as const
