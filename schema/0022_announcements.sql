-- 0022_announcements.sql - a firm's own texts in place of the announcements that are shipped.

set role portico_owner;

-- Announcements are a feature now, switched on as what comes new is.
create or replace function features_but(others text[]) returns text[]
language sql immutable parallel safe
return array(
	select f.feature
	from unnest(array['documents', 'matters', 'imports', 'api_keys', 'announcements']) with ordinality as f (feature, place)
	where f.feature <> all(others)
	order by f.place
);

-- S0-6: what announcements say of the firm besides its name and addresses.
alter table firm add column phone text,
	add constraint firm_phone_check check (phone <> '' and length(phone) <= 50);

grant update (phone) on firm to portico_api;

-- No row: the text that is shipped. Which keys there are the program knows, which ships them.
create table announcement (
	firm_id uuid not null,
	key text not null,
	subject text not null,
	body_text text not null,
	updated_at timestamptz not null,
	constraint announcement_pkey primary key (firm_id, key),
	constraint announcement_firm_fk foreign key (firm_id) references firm (id),
	constraint announcement_subject_check check (subject <> '' and length(subject) <= 200),
	constraint announcement_body_text_check check (body_text <> '' and length(body_text) <= 8000)
);

select table_of_firm('announcement');

grant select, insert, update (subject, body_text, updated_at), delete on announcement to portico_api;

reset role;
