import { RekeyError } from '@rekey/contracts'

/** The form of a page that another browser opened, or this one too long ago, or that has no cookie of ours. */
export class OutdatedForm extends RekeyError {
  constructor() {
    super('invalid_request', { detail: 'The form is not of this browser: its cookie or its token is missing or old.' })
  }
}
