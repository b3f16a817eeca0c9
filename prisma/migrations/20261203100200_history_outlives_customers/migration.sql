-- The history of a customer stays when the customer is erased. Whatever appends a record has the customer locked, so that
-- none is appended for a customer that does not exist.
ALTER TABLE "password_change" DROP CONSTRAINT "password_change_customer_id_fkey";
