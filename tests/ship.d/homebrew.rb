# Stands in for Homebrew, which this machine does not have: knows the words of a formula that
# release/manifests uses, and installs with it from a folder of archives.
#
#   ruby homebrew.rb FORMULA ARCHIVES PREFIX

require "digest"
require "fileutils"
require "pathname"
require "rbconfig"

formula, $archives, prefix = ARGV.map { |word| Pathname.new(word).expand_path }
$prefix = prefix

# A folder in the prefix.
class Folder
  def initialize(path) = @path = path

  def install(what)
    @path.mkpath
    pairs = what.is_a?(Hash) ? what : Array(what).to_h { |file| [file, File.basename(file)] }
    raise "nothing to install in #{@path}" if pairs.empty?
    pairs.each { |file, name| FileUtils.cp_r(file, @path / name) }
  end

  def to_s = @path.to_s
end

class Formula
  class << self
    attr_reader :found, :tested

    def desc(text)
      raise "a description of #{text.size} characters" if text.size > 80 || text =~ /\A(An?|The) /
    end

    def homepage(address) = (raise address unless address.start_with?("https://"))

    def license(terms) = (raise terms.inspect unless terms == { any_of: ["MIT", "Apache-2.0"] })

    def version(text) = define_method(:version) { text }

    def depends_on(what)
      raise "depends on #{what}" unless [:linux, "node"].include?(what)
    end

    def on_linux = yield

    def on_macos = nil

    def on_intel = (yield if RbConfig::CONFIG["host_cpu"] == "x86_64")

    def on_arm = (yield if RbConfig::CONFIG["host_cpu"] == "aarch64")

    def url(address) = @found = $archives / File.basename(address)

    def sha256(digest)
      raise "#{@found} has another checksum" unless Digest::SHA256.file(@found).hexdigest == digest
      @checked = true
    end

    def archive = (@checked ? @found : raise("no archive for this machine"))

    def test(&block) = @tested = block
  end

  { bin: "bin", man1: "share/man/man1", bash_completion: "etc/bash_completion.d", pkgshare: "share/azurite-up",
    fish_completion: "share/fish/vendor_completions.d", zsh_completion: "share/zsh/site-functions" }.each do |name, path|
    define_method(name) { Folder.new($prefix / path) }
  end

  def shell_output(command)
    text = `#{command}`
    raise "#{command}: #{$?}" unless $?.success?
    text
  end

  def assert_match(wanted, text) = (raise "#{wanted} is not in #{text}" unless text.include?(wanted))
end

load formula.to_s
one = AzuriteUp.new
work = $prefix / "unpacked"
work.mkpath
system("tar", "-xzf", AzuriteUp.archive.to_s, "-C", work.to_s, exception: true)
# Homebrew enters the only folder of an archive.
Dir.chdir(work.children.first) { one.install }
one.instance_exec(&AzuriteUp.tested)
