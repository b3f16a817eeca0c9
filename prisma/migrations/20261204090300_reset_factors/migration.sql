-- The back office resets a customer's factors, with a second person.
ALTER TYPE "change_operation" ADD VALUE 'reset_factors';
ALTER TYPE "approval_action" ADD VALUE 'reset_factors';
