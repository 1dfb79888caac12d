# A login shell of a user who may read the container's environment (root, and the group docker_env) has it loaded. Who one
# is stays as the login made it.
if [ -r /etc/container_environment.sh ]; then
  keelson_login=$(export -p | grep -E '^(export|declare -x) (HOME|USER|LOGNAME|SHELL|MAIL|TERM)=')
  . /etc/container_environment.sh
  eval "$keelson_login"
  unset keelson_login
fi
