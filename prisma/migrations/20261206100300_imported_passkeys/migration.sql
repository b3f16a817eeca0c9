-- Other systems export neither of these: unknown until the first use of an imported passkey, and not compared. Only the
-- catalogue changes. The version before refuses the proof of such a passkey.
ALTER TABLE "passkey" ALTER COLUMN "is_backup_eligible" DROP NOT NULL, ALTER COLUMN "user_handle" DROP NOT NULL;
