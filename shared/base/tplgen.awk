# tplgen.awk - embed templates in a program; template.h is to be included before what it makes.
#
#	awk -f tplgen.awk templates/* > templates.h
#
# Each file becomes `static const char tpl_<name>[]`, where every character of its name that C does not
# allow is an underscore, and one line of the table `tpl_files`, sorted as given and ended by a null name.

FNR == 1 {
	if (files++)
		print "\t\"\";"
	else
		print "/* Made by tplgen.awk from the folders called templates: edit those. */\n#pragma once\n"
	base = FILENAME
	sub(/.*\//, "", base)
	id = base
	gsub(/[^A-Za-z0-9_]/, "_", id)
	table = table "\t{\"" base "\", tpl_" id "},\n"
	printf "static const char tpl_%s[] =\n", id
}

{
	gsub(/\\/, "\\\\&")
	gsub(/"/, "\\\"")
	gsub(/\t/, "\\t")
	print "\t\"" $0 "\\n\""
}

END {
	if (files)
		print "\t\"\";\n"
	else
		print "/* Made by tplgen.awk: there are no templates. */\n#pragma once\n"
	print "static const struct template_file tpl_files[] = {"
	printf "%s\t{0, 0},\n};\n", table
}
