import { callHelpDesk } from './stories/call-help-desk.ts'
import { enrolPasskey } from './stories/enrol-passkey.ts'
import { losePassword } from './stories/lose-password.ts'
import { losePhone } from './stories/lose-phone.ts'
import type { Story } from './studio.ts'

/** In their order: the password is lost by the customer who enrolled a passkey. */
export const stories: readonly Story[] = [enrolPasskey, losePassword, losePhone, callHelpDesk]
