// SPDX-License-Identifier: UNLICENSED
pragma solidity ^0.8.28;

import {EIP712Upgradeable} from "@openzeppelin/contracts-upgradeable/utils/cryptography/EIP712Upgradeable.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {SafeERC20, IERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Grants} from "./Grants.sol";
import {GrantsRunners} from "./GrantsRunners.sol";
import {Ledger} from "./Ledger.sol";
import {Registry} from "./Registry.sol";
import {IReceiveWithAuthorization} from "./ShareToken.sol";

/// @title What verifiers, runners and guardians lose when they are shown to have lied
/// @notice Payment tokens that an operator puts in and can take out after a cool-down. They are taken away only by what
/// anyone can check: two different signatures for one thing, facts of a contribution that as many verifiers as must agree
/// found otherwise, or a use that two other runners compute differently (Grants). Guardians can put money in, too.
/// What was taken waits, so that the owners can give it back by a vote on the constitution. Formats: specs/grants.md.
contract Stakes is EIP712Upgradeable, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @notice What an operator has put in.
    struct Stake {
        /// Counts for what the operator does, and can be taken away.
        uint96 active;
        /// Counts no more, but still can be taken away.
        uint96 leaving;
        /// First second at which what is leaving can be withdrawn.
        uint64 leavesAt;
    }

    /// @notice Stake that was taken away.
    struct Slashing {
        address account;
        address to;
        uint96 amount;
        /// First second at which it is paid out; the owners' vote can give it back before.
        uint64 finalAt;
    }

    /// @notice What a verifier signs of one contribution (EIP-712 "Attestation", domain "Trove" of the ledger: specs/messages.md).
    struct Facts {
        address asset;
        bytes32 contribution;
        address owner;
        bytes32 partsRoot;
        bytes32 evidenceResultsHash;
        bytes32 tagsHash;
        bytes32 nullifier;
        uint64 words;
        uint64 announcedBlock;
        bytes32 policyHash;
        uint64 verifierSetVersion;
        bytes32 codeVersion;
    }

    /// @notice What a guardian signs of its log (EIP-712 "LogHead", domain "Trove" of no contract: specs/custody.md).
    struct LogHead {
        address guardian;
        uint32 chain;
        uint64 count;
        bytes32 head;
        uint64 time;
    }

    /// @notice Seconds from leaving to the money: longer than a use takes to be computed and disputed.
    uint256 public constant COOL_DOWN = 90 days;
    /// @notice Seconds in which the owners can give back what was taken away.
    uint256 public constant APPEAL = 45 days;
    /// @notice Part of a stake that goes to who shows two signatures, in percent; the rest goes to the treasury.
    uint256 public constant REPORTER_PERCENT = 10;
    /// @notice Part of a stake that is lost by what may have been a fault, in percent: of an outvoted verifier, and of a guardian
    /// with two logs, of which one may have come out of a backup.
    uint256 public constant FAULT_PERCENT = 10;

    bytes32 private constant UNSTAKE_TYPEHASH = keccak256("Unstake(address account,uint256 amount,uint256 deadline)");
    bytes32 private constant ATTESTATION_TYPEHASH = keccak256(
        "Attestation(address asset,bytes32 contribution,address owner,bytes32 partsRoot,bytes32 evidenceResultsHash,bytes32 tagsHash,bytes32 nullifier,uint64 words,uint64 announcedBlock,bytes32 policyHash,uint64 verifierSetVersion,bytes32 codeVersion)"
    );
    bytes32 private constant LOG_HEAD_TYPEHASH =
        keccak256("LogHead(address guardian,uint32 chain,uint64 count,bytes32 head,uint64 time)");
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    IERC20 public paymentToken;
    Grants public grants;
    Ledger public ledger;
    /// @notice Carries out the owners' votes, and holds the treasury.
    address public timelock;
    /// @notice Payment units that belong to operators, or wait to be paid to whom they were given.
    uint256 public held;
    mapping(address account => Stake) private _stakes;
    Slashing[] private _slashings;
    /// Of which account and matter two signatures were shown.
    mapping(bytes32 matter => bool) private _shown;

    event Deposited(address indexed account, uint256 amount);
    event Unstaked(address indexed account, uint256 amount, uint64 leavesAt);
    event Withdrawn(address indexed account, uint256 amount);
    event Slashed(uint256 indexed slashing, address indexed account, address indexed to, uint256 amount, uint64 finalAt);
    event SlashingReversed(uint256 indexed slashing, address indexed account, uint256 amount);
    event SlashingPaid(uint256 indexed slashing, address indexed to, uint256 amount);

    /// @notice Only the grants may call this.
    error NotGrants(address caller);
    /// @notice Only the timelock may call this: it takes a vote.
    error NotTimelock(address caller);
    /// @notice The payment token brought something else than the amount.
    error PaymentMismatch(uint256 received, uint256 expected);
    /// @notice Zero, or more than the operator has at stake.
    error AmountOutOfRange(uint256 amount, uint256 active);
    /// @notice The signature's deadline has passed: sign anew.
    error SignatureExpired(uint256 deadline);
    /// @notice The signature is not the operator's.
    error NotSigner(address signer, address account);
    /// @notice It is not time for this yet.
    error TooEarly(uint256 from);
    /// @notice The owners can give it back no more.
    error TooLate(uint256 finalAt);
    /// @notice There is no such slashing, or it is paid or reversed.
    error NoSuchSlashing(uint256 slashing);
    /// @notice The two are not about the same thing, are the same, or were shown before.
    error NoContradiction();
    /// @notice Too few verifiers of that set signed, or not in ascending order of their accounts.
    error NotAgreed();

    constructor() {
        _disableInitializers();
    }

    /// @notice Sets up a clone; the factory calls it in the transaction that creates the clone.
    function initialize(IERC20 paymentToken_, Grants grants_, Ledger ledger_, address timelock_) external initializer {
        (paymentToken, grants, ledger, timelock) = (paymentToken_, grants_, ledger_, timelock_);
    }

    /// @notice Puts in an operator's money by its signed EIP-3009 authorization to this contract; anyone may send it.
    function deposit(
        address account,
        uint256 amount,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external nonReentrant {
        _stakes[account].active += SafeCast.toUint96(amount);
        held += amount;
        emit Deposited(account, amount);
        uint256 before = paymentToken.balanceOf(address(this));
        IReceiveWithAuthorization(address(paymentToken))
            .receiveWithAuthorization(account, address(this), amount, validAfter, validBefore, nonce, signature);
        uint256 received = paymentToken.balanceOf(address(this)) - before;
        if (received != amount) revert PaymentMismatch(received, amount);
    }

    /// @notice Takes an amount out of what counts; it can be withdrawn after the cool-down, which begins anew for all that is
    /// leaving. What uses hang on that are not over stays.
    /// @param deadline Last second at which the signature counts; not read when the operator calls.
    function unstake(address account, uint256 amount, uint256 deadline, bytes calldata signature) external {
        if (msg.sender != account) {
            if (block.timestamp > deadline) revert SignatureExpired(deadline);
            bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(UNSTAKE_TYPEHASH, account, amount, deadline)));
            (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
            if (signer != account) revert NotSigner(signer, account);
            // Once: a signature that takes out twice what was meant is no use to anyone but whoever repeats it.
            bytes32 matter = keccak256(abi.encode(digest));
            if (_shown[matter]) revert SignatureExpired(deadline);
            _shown[matter] = true;
        }
        Stake storage s = _stakes[account];
        uint256 risk = grants.atRisk(account);
        uint256 free = s.active > risk ? s.active - risk : 0;
        if (amount == 0 || amount > free) revert AmountOutOfRange(amount, free);
        s.active -= uint96(amount);
        s.leaving += uint96(amount);
        s.leavesAt = uint64(block.timestamp + COOL_DOWN);
        emit Unstaked(account, amount, s.leavesAt);
    }

    /// @notice Pays out what has left; anyone may call it, only the operator is paid.
    function withdraw(address account) external nonReentrant returns (uint256 amount) {
        Stake storage s = _stakes[account];
        amount = s.leaving;
        if (amount == 0) return 0;
        if (block.timestamp < s.leavesAt) revert TooEarly(s.leavesAt);
        s.leaving = 0;
        held -= amount;
        emit Withdrawn(account, amount);
        paymentToken.safeTransfer(account, amount);
    }

    /// @notice Takes stake away after a dispute.
    function slash(address account, address to, uint256 amount) external {
        if (msg.sender != address(grants)) revert NotGrants(msg.sender);
        _slash(account, to, amount);
    }

    /// @notice A verifier signed two different roots for one epoch of one chain of roots: all it has is taken away.
    /// @param a Signed by the same verifier as b, each with 65 bytes.
    function showTwoRoots(
        Ledger.EpochRoot calldata a,
        bytes calldata signatureOfA,
        Ledger.EpochRoot calldata b,
        bytes calldata signatureOfB
    ) external {
        if (
            a.epoch != b.epoch || a.previousRoot != b.previousRoot || a.verifierSetVersion != b.verifierSetVersion
        ) revert NoContradiction();
        bytes32 matter = keccak256(abi.encode(address(ledger), a.epoch, a.previousRoot, a.verifierSetVersion));
        _showTwo(matter, ledger.rootDigest(a), signatureOfA, ledger.rootDigest(b), signatureOfB);
    }

    /// @notice A runner signed two different results of one use: all it has is taken away. (Whoever computes a use twice gets
    /// the same, specs/uses.md.)
    /// @param a Signed by the same runner as b.
    function showTwoResults(
        GrantsRunners.Result calldata a,
        bytes calldata signatureOfA,
        GrantsRunners.Result calldata b,
        bytes calldata signatureOfB
    ) external {
        if (a.request != b.request || a.use != b.use || a.runner != b.runner) revert NoContradiction();
        bytes32 matter = keccak256(abi.encode(address(grants), a.request, a.use));
        _showTwo(matter, grants.resultDigest(a), signatureOfA, grants.resultDigest(b), signatureOfB);
    }

    /// @notice A verifier signed two different facts of one contribution, asked the same question: all it has is taken away.
    /// @param a Signed by the same verifier as b.
    function showTwoAttestations(
        Facts calldata a,
        bytes calldata signatureOfA,
        Facts calldata b,
        bytes calldata signatureOfB
    ) external {
        bytes32 question = _question(a);
        if (question != _question(b)) revert NoContradiction();
        bytes32 matter = keccak256(abi.encode(address(ledger), question));
        _showTwo(matter, attestationDigest(a), signatureOfA, attestationDigest(b), signatureOfB);
    }

    /// @notice A verifier signed facts that at least m others, and at least two, of the same set found otherwise: a part of what
    /// it has is taken away. Only facts that follow from what all of them had before them: words follow from the parts, tags and
    /// nullifier from parts and evidence, and equal results of the evidence name the same evidence (specs/evidence.md).
    /// @param signaturesOfA In ascending order of the signers.
    function showOutvoted(
        Facts calldata a,
        bytes[] calldata signaturesOfA,
        Facts calldata b,
        bytes calldata signatureOfB
    ) external {
        bytes32 question = _question(a);
        bool sameEvidence = a.evidenceResultsHash == b.evidenceResultsHash;
        if (
            question != _question(b)
                || (a.words == b.words && !(sameEvidence && (a.tagsHash != b.tagsHash || a.nullifier != b.nullifier)))
        ) revert NoContradiction();
        Registry registry = ledger.registry();
        uint256 needed = registry.verifierSet(a.verifierSetVersion).threshold;
        if (signaturesOfA.length < 2 || signaturesOfA.length < needed) revert NotAgreed();
        bytes32 digest = attestationDigest(a);
        address previous = address(0);
        for (uint256 i = 0; i < signaturesOfA.length; i++) {
            (address signer,,) = ECDSA.tryRecoverCalldata(digest, signaturesOfA[i]);
            if (signer <= previous || !registry.isVerifierAt(a.verifierSetVersion, signer)) revert NotAgreed();
            previous = signer;
        }
        (address outvoted,,) = ECDSA.tryRecoverCalldata(attestationDigest(b), signatureOfB);
        _showOnce(keccak256(abi.encode(address(ledger), question, "outvoted")), outvoted);
        _slashPart(outvoted, FAULT_PERCENT);
    }

    /// @notice A guardian signed two heads for one number of entries, so it keeps two logs: a part of what it has is taken away,
    /// once for each chain of its log.
    function showTwoLogHeads(
        LogHead calldata a,
        bytes calldata signatureOfA,
        LogHead calldata b,
        bytes calldata signatureOfB
    ) external {
        if (a.guardian != b.guardian || a.chain != b.chain || a.count != b.count || a.head == b.head) {
            revert NoContradiction();
        }
        (address signer,,) = ECDSA.tryRecoverCalldata(logHeadDigest(a), signatureOfA);
        (address other,,) = ECDSA.tryRecoverCalldata(logHeadDigest(b), signatureOfB);
        if (signer != a.guardian || other != a.guardian) revert NoContradiction();
        _showOnce(keccak256(abi.encode("log", a.chain)), signer);
        _slashPart(signer, FAULT_PERCENT);
    }

    /// @notice What a verifier signs to attest these facts.
    function attestationDigest(Facts calldata f) public view returns (bytes32) {
        return _digest(address(ledger), keccak256(abi.encode(ATTESTATION_TYPEHASH, f)));
    }

    /// @notice What a guardian signs to publish the head of its log.
    function logHeadDigest(LogHead calldata h) public view returns (bytes32) {
        return _digest(address(0), keccak256(abi.encode(LOG_HEAD_TYPEHASH, h)));
    }

    /// @notice Gives back what was taken away, by the owners' vote.
    function reverse(uint256 slashing) external {
        if (msg.sender != timelock) revert NotTimelock(msg.sender);
        Slashing memory s = _take(slashing);
        if (block.timestamp >= s.finalAt) revert TooLate(s.finalAt);
        _stakes[s.account].active += s.amount;
        emit SlashingReversed(slashing, s.account, s.amount);
    }

    /// @notice Pays what was taken away to whom it was given, when nobody can give it back any more; anyone may call it.
    function pay(uint256 slashing) external nonReentrant {
        Slashing memory s = _take(slashing);
        if (block.timestamp < s.finalAt) revert TooEarly(s.finalAt);
        held -= s.amount;
        emit SlashingPaid(slashing, s.to, s.amount);
        paymentToken.safeTransfer(s.to, s.amount);
    }

    /// @notice What counts for what an operator does.
    function activeOf(address account) external view returns (uint256) {
        return _stakes[account].active;
    }

    /// @notice All that an operator has put in.
    function stakeOf(address account) external view returns (Stake memory) {
        return _stakes[account];
    }

    /// @notice How often stake was taken away.
    function slashings() external view returns (uint256) {
        return _slashings.length;
    }

    /// @notice What was taken away; all zero when it is paid or reversed.
    function slashingOf(uint256 slashing) external view returns (Slashing memory) {
        if (slashing >= _slashings.length) revert NoSuchSlashing(slashing);
        return _slashings[slashing];
    }

    function _take(uint256 slashing) private returns (Slashing memory s) {
        if (slashing >= _slashings.length || _slashings[slashing].finalAt == 0) revert NoSuchSlashing(slashing);
        s = _slashings[slashing];
        delete _slashings[slashing];
    }

    function _showTwo(bytes32 matter, bytes32 a, bytes calldata signatureOfA, bytes32 b, bytes calldata signatureOfB)
        private
    {
        (address signer,,) = ECDSA.tryRecoverCalldata(a, signatureOfA);
        (address other,,) = ECDSA.tryRecoverCalldata(b, signatureOfB);
        if (a == b || signer != other) revert NoContradiction();
        _showOnce(matter, signer);
        _slashPart(signer, 100);
    }

    function _showOnce(bytes32 matter, address signer) private {
        bytes32 shown = keccak256(abi.encode(matter, signer));
        if (signer == address(0) || _shown[shown]) revert NoContradiction();
        _shown[shown] = true;
    }

    /// Of what counts and what is leaving, so many percent: a tenth of it to who showed why.
    function _slashPart(address signer, uint256 percent) private {
        Stake storage s = _stakes[signer];
        uint256 part = (uint256(s.active) + s.leaving) * percent / 100;
        uint256 reward = part * REPORTER_PERCENT / 100;
        _slash(signer, msg.sender, reward);
        _slash(signer, timelock, part - reward);
    }

    /// What a verifier is asked: which parts, as of when, under which rules, of whom. It answers once.
    function _question(Facts calldata f) private pure returns (bytes32) {
        return keccak256(
            abi.encode(f.contribution, f.partsRoot, f.announcedBlock, f.policyHash, f.verifierSetVersion, f.codeVersion)
        );
    }

    /// What is there: of what counts first, then of what is leaving.
    function _slash(address account, address to, uint256 amount) private {
        Stake storage s = _stakes[account];
        uint256 active = amount < s.active ? amount : s.active;
        uint256 leaving = amount - active < s.leaving ? amount - active : s.leaving;
        if (active + leaving == 0) return;
        s.active -= uint96(active);
        s.leaving -= uint96(leaving);
        uint64 finalAt = uint64(block.timestamp + APPEAL);
        _slashings.push(Slashing(account, to, uint96(active + leaving), finalAt));
        emit Slashed(_slashings.length - 1, account, to, active + leaving, finalAt);
    }

    /// Of what is signed for readers off chain, whose domain is not this contract's.
    function _digest(address verifyingContract, bytes32 structHash) private view returns (bytes32) {
        return MessageHashUtils.toTypedDataHash(
            keccak256(
                abi.encode(DOMAIN_TYPEHASH, keccak256("Trove"), keccak256("1"), block.chainid, verifyingContract)
            ),
            structHash
        );
    }

    function _EIP712Name() internal pure override returns (string memory) {
        return "Trove Stakes";
    }

    function _EIP712Version() internal pure override returns (string memory) {
        return "1";
    }
}
