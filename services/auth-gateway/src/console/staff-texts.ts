import type { TextKey, Translate } from '@rekey/texts'

/** Texts of the console in one language. */
export type StaffTexts = Translate<TextKey<'staff'>>
