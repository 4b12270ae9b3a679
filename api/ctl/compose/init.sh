#!/bin/sh
# init.sh - before anything starts: the secrets, made once, and the directories of the volumes, each its owner's alone.
set -eu
umask 077

# own UID DIRECTORY...
own() {
	uid=$1
	shift
	for dir; do
		mkdir -p "$dir"
		chown "$uid:$uid" "$dir"
		chmod 0700 "$dir"
	done
}

# secret: 64 hexadecimal digits.
secret() {
	od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

# put UID FILE: standard input becomes the file, if there is none yet.
put() {
	if [ -s "$2" ]; then cat >/dev/null; else
		cat >"$2.new"
		chown "$1:$1" "$2.new"
		chmod 0400 "$2.new"
		mv "$2.new" "$2"
	fi
}

own 990 /files /files/spool /files/store /files/store/incoming /files/store/blobs /run/portico /secrets/api /secrets/mailer
own 991 /secrets/postgres
own 0 /secrets/operator
for dir in 991:/run/postgresql 992:/run/redis; do
	chown "${dir%%:*}" "${dir#*:}"
	chmod 0755 "${dir#*:}"
done

# One password a role: for PostgreSQL, and in the connection of the program that has the role.
for who in 990:api:api 990:api:relay 990:mailer:mailer 990:mailer:janitor 0:operator:operator; do
	uid=${who%%:*} role=${who##*:} dir=${who#*:}
	secret | put 991 "/secrets/postgres/$role"
	options=
	[ "$role" != operator ] || options=" options='-c role=portico_owner'"
	echo "host=/run/postgresql dbname=portico user=portico_$role password=$(cat "/secrets/postgres/$role")$options" |
		put "$uid" "/secrets/${dir%:*}/$role-database"
done
secret | put 990 /secrets/api/secret-key
put 990 /secrets/mailer/secret-key </secrets/api/secret-key
secret | put 990 /secrets/api/setup-token
